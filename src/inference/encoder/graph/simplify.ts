import { isFloat as isFloatType } from '../../onnx/cost/graph-value.ts';
import type { ExpressionTable, NewExpression } from './expression-table.ts';
import { numbersOf } from './number-operators.ts';
import type { Traced } from './traced-value.ts';
import { countOf, isExpression, sameDims, scalarOf } from './traced-value.ts';

/** Whether an input with the dimensions of the result may stand for it. */
const keeps = (input: Traced | undefined, { dims }: NewExpression): input is Traced => input !== undefined && sameDims(input.dims, dims);

/** The value that an expression is where it changes nothing of one of its inputs, or where it is known without the tokens. */
export function simplified(node: NewExpression, table: ExpressionTable): Traced | undefined {
  const { operator, inputs, output = 0 } = node;
  const [a, b, c] = inputs;
  if (output > 0) return undefined;
  switch (operator) {
    case 'Identity':
    case 'Dropout':
      return a;
    case 'Cast':
      return isFloating(a) && node.isFloat === true ? a : undefined;
    case 'Add':
      return scalarOf(b) === 0 && keeps(a, node) ? a : scalarOf(a) === 0 && keeps(b, node) ? b : undefined;
    case 'Mul':
      return scalarOf(b) === 1 && keeps(a, node) ? a : scalarOf(a) === 1 && keeps(b, node) ? b : undefined;
    case 'Div':
      return scalarOf(b) === 1 && keeps(a, node) ? a : undefined;
    case 'Where':
      return chosen(scalarOf(a), b, c, node);
    case 'Reshape':
    case 'Expand':
    case 'Unsqueeze':
    case 'Squeeze':
      return keeps(a, node) ? a : undefined;
    case 'Equal':
      return unlike(a, scalarOf(b), node, table) ?? unlike(b, scalarOf(a), node, table);
    case 'IsNaN':
      // Of numbers that are finite: nothing that counts is far below all others here.
      return isExpression(a, 'Softmax') && node.dims !== undefined ? sameNumbers(node.dims, 0) : undefined;
    default:
      return undefined;
  }
}

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
