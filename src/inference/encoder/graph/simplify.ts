import { isFloat as isFloatType } from '../../onnx/cost/graph-value.ts';
import type { ExpressionTable, NewExpression } from './expression-table.ts';
import { numbersOf } from './number-operators.ts';
import type { Traced } from './traced-value.ts';
import { countOf, isExpression, sameDims, scalarOf } from './traced-value.ts';

/** Whether an input with the dimensions of the result may stand for it. */
const keeps = (input: Traced | undefined, { dims }: NewExpression): input is Traced => input !== undefined && sameDims(input.dims, dims);

/** Undefined: it changes something, or is not known. */
type Rule = (node: NewExpression, table: ExpressionTable) => Traced | undefined;

const first: Rule = ({ inputs }) => inputs[0];

const unchanged: Rule = (node) => (keeps(node.inputs[0], node) ? node.inputs[0] : undefined);

/** One input where the other is the number that changes nothing. */
const neutral =
  (number: number, isEither: boolean): Rule =>
  (node) => {
    const [a, b] = node.inputs;
    if (scalarOf(b) === number && keeps(a, node)) return a;
    return isEither && scalarOf(a) === number && keeps(b, node) ? b : undefined;
  };

const RULES: Readonly<Record<string, Rule>> = {
  Identity: first,
  Dropout: first,
  Cast: ({ inputs: [a], isFloat }) => (isFloating(a) && isFloat === true ? a : undefined),
  Add: neutral(0, true),
  Mul: neutral(1, true),
  Div: neutral(1, false),
  Where: (node) => chosen(scalarOf(node.inputs[0]), node.inputs[1], node.inputs[2], node),
  Reshape: unchanged,
  Expand: unchanged,
  Unsqueeze: unchanged,
  Squeeze: unchanged,
  Equal: (node, table) => {
    const [a, b] = node.inputs;
    return unlike(a, scalarOf(b), node, table) ?? unlike(b, scalarOf(a), node, table);
  },
  // Of numbers that are finite: nothing that counts is far below all others here.
  IsNaN: ({ inputs: [a], dims }) => (isExpression(a, 'Softmax') && dims !== undefined ? sameNumbers(dims, 0) : undefined),
};

/** The value that an expression is where it changes nothing of one of its inputs, or where it is known without the tokens. */
export const simplified = (node: NewExpression, table: ExpressionTable): Traced | undefined =>
  (node.output ?? 0) > 0 ? undefined : RULES[node.operator]?.(node, table);

const isFloating = (value: Traced | undefined): value is Traced =>
  value?.kind === 'constant' ? isFloatType(value.tensor.dataType) : value !== undefined && value.isFloat;

function chosen(condition: number | undefined, left: Traced | undefined, right: Traced | undefined, node: NewExpression) {
  if (condition === undefined) return undefined;
  const value = condition === 0 ? right : left;
  return keeps(value, node) ? value : undefined;
}

const sameNumbers = (dims: readonly number[], number: number): Traced =>
  numbersOf(
    dims,
    Array.from({ length: countOf(dims) }, () => number),
  );

/** Tokens compared with an id, which the text is taken not to have. */
function unlike(ids: Traced | undefined, id: number | undefined, { dims }: NewExpression, table: ExpressionTable): Traced | undefined {
  if (!isExpression(ids, 'input:input_ids') || id === undefined || dims === undefined) return undefined;
  table.absentIds.add(id);
  return sameNumbers(dims, 0);
}
