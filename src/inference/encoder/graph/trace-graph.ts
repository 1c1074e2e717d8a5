import { orderOf } from '../../onnx/check-names.ts';
import { isFloat as isFloatType } from '../../onnx/cost/graph-value.ts';
import type { OnnxGraph, OnnxNode } from '../../onnx/onnx-graph.ts';
import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';
import { tensorNumbers } from '../../onnx/tensor-numbers.ts';
import { operatorDomain } from '../../onnx/runtime-operators.ts';
import { canonical } from './canonical.ts';
import { ExpressionTable } from './expression-table.ts';
import { LAYOUT, NUMBER_OPERATORS, NUMBERS_MAX, numbersOf } from './number-operators.ts';
import { expressionDims } from './expression-dims.ts';
import { simplified } from './simplify.ts';
import type { Traced, TracedNumbers } from './traced-value.ts';
import { countOf } from './traced-value.ts';

/** What a graph computes of one text. */
export interface TracedGraph {
  /** Of an output by its name; undefined: the graph has none of it. */
  readonly output: Traced | undefined;
  /** Ids of tokens that the text was taken not to have. */
  readonly absentIds: ReadonlySet<number>;
}

export interface TracedText {
  /** How many tokens it has. */
  readonly tokens: number;
  /** Their ids; absent: any, but for those that the graph compares them with. */
  readonly ids?: readonly number[];
}

/**
 * Follows a graph for one text alone without padding: what depends on sizes, masks and positions becomes numbers, and what depends on tokens and
 * weights an expression that says exactly what the graph computes. An operator that is not known here stays in the expression under its own name,
 * so that nothing that is looked for in it matches. Takes time linear in the graph. The graph has passed `checkGraph`.
 */
export function traceGraph(graph: OnnxGraph, output: string, text: TracedText): TracedGraph {
  const tracer = new Tracer(graph, text);
  return { output: tracer.valueOf(output), absentIds: tracer.table.absentIds };
}

class Tracer {
  readonly table = new ExpressionTable();
  readonly #values = new Map<string, Traced>();
  readonly #opset: number;
  #computed = 0;

  constructor(graph: OnnxGraph, { tokens, ids }: TracedText) {
    this.#opset = graph.opsets.get('') ?? graph.opsets.get('ai.onnx') ?? 0;
    const dims = [1, tokens];
    for (const { name } of graph.inputs) {
      if (name === 'attention_mask') this.#values.set(name, numbersOf(dims, Array<number>(tokens).fill(1)));
      else if (name === 'input_ids' && ids !== undefined) this.#values.set(name, numbersOf(dims, ids));
      else if (name === 'position_ids')
        this.#values.set(
          name,
          numbersOf(
            dims,
            Array.from({ length: tokens }, (_, i) => i),
          ),
        );
      else this.#values.set(name, this.table.expression({ operator: `input:${name}`, inputs: [], dims, isFloat: false }));
    }
    for (const tensor of graph.initialisers) this.#values.set(tensor.name, constantOf(tensor));
    for (const at of orderOf(graph)) this.#node(graph.nodes[at]!);
  }

  valueOf(name: string): Traced | undefined {
    return this.#values.get(name);
  }

  #node(node: OnnxNode): void {
    const [constant] = node.constants;
    if (node.operator === 'Constant') {
      const value = constant === undefined ? listedConstant(node) : constantOf(constant);
      if (value !== undefined) this.#values.set(node.outputs[0]!, value);
      return;
    }
    const domain = operatorDomain(node.domain);
    const operator = `${domain === '' ? '' : `${domain}.`}${node.operator}${node.branches.length > 0 ? ' with branches' : ''}`;
    // The tensor of `ConstantOfShape` stands behind its inputs.
    const inputs = [...node.inputs.map((name) => (name === '' ? undefined : this.#values.get(name))), ...node.constants.map(constantOf)];
    const attributes = attributesOf(node);
    for (const [output, name] of node.outputs.entries()) {
      if (name !== '') this.#values.set(name, this.#value(operator, inputs, attributes, output));
    }
  }

  #value(
    operator: string,
    inputs: readonly (Traced | undefined)[],
    attributes: ReadonlyMap<string, readonly number[]>,
    output: number,
  ): Traced {
    const dims = expressionDims(operator, inputs, attributes, { output, opset: this.#opset });
    const known = this.#numbers(operator, inputs, attributes, dims);
    if (known !== undefined) return known;
    const isFloat = isFloatOf(operator, inputs, attributes, output);
    const node = { operator, inputs, attributes, output, dims, isFloat };
    return simplified(node, this.table) ?? canonical(node, this.table) ?? this.table.expression(node);
  }

  #numbers(
    operator: string,
    inputs: readonly (Traced | undefined)[],
    attributes: ReadonlyMap<string, readonly number[]>,
    dims: readonly number[] | undefined,
  ): TracedNumbers | undefined {
    const [first] = inputs;
    if (operator === 'Shape') return first?.dims && shapeOf(first.dims, attributes);
    if (inputs.some((input) => input !== undefined && input.kind !== 'numbers')) return undefined;
    const numbers = inputs as readonly (TracedNumbers | undefined)[];
    const [known] = numbers;
    this.#computed += numbers.reduce((sum, input) => sum + (input?.numbers.length ?? 0), 0);
    if (this.#computed > COMPUTED_MAX) return undefined;
    if (operator === 'Cast') return known && castTo(known, attributes.get('to')?.[0] ?? 0);
    if (LAYOUT.has(operator)) return known && dims && numbersOf(dims, known.numbers, known.isFloat);
    return NUMBER_OPERATORS[operator]?.(numbers, attributes);
  }
}

/** Numbers that are computed for one text: exporters compute some thousand, and a graph could any number. */
const COMPUTED_MAX = 1_000_000;

function shapeOf(dims: readonly number[], attributes: ReadonlyMap<string, readonly number[]>): TracedNumbers {
  const listed = dims.slice(attributes.get('start')?.[0] ?? 0, attributes.get('end')?.[0]);
  return numbersOf([listed.length], listed);
}

const BOOL = 9;

function castTo({ dims, numbers }: TracedNumbers, to: number): TracedNumbers {
  const isFloat = isFloatType(to);
  return numbersOf(dims, isFloat ? numbers : numbers.map((x) => (to === BOOL ? Number(x !== 0) : Math.trunc(x))), isFloat);
}

const INTEGERS = new Set([6, 7, 9]);

/** Sizes, ids of positions and single factors are numbers; tables, matrices and vectors are weights. */
function constantOf(tensor: OnnxTensor): Traced {
  const count = countOf(tensor.dims);
  const isListed = INTEGERS.has(tensor.dataType) && count <= NUMBERS_MAX;
  const numbers = count === 1 || isListed ? tensorNumbers(tensor) : undefined;
  return numbers === undefined
    ? { kind: 'constant', dims: tensor.dims, tensor }
    : numbersOf(tensor.dims, [...numbers], isFloatType(tensor.dataType));
}

/** A `Constant` whose value is a number or a list of its own. */
function listedConstant({ attributes }: OnnxNode): Traced | undefined {
  for (const [name, isFloat] of LISTED) {
    const value = attributes.get(name);
    if (value !== undefined && value.count === value.numbers.length)
      return numbersOf(name.endsWith('s') ? [value.count] : [], value.numbers, isFloat);
  }
  return undefined;
}

const LISTED = [
  ['value_int', false],
  ['value_ints', false],
  ['value_float', true],
  ['value_floats', true],
] as const;

/** Texts become numbers: 1 where one says `tanh`, which is the only one that is asked for. */
const attributesOf = ({ attributes }: OnnxNode): Map<string, readonly number[]> =>
  new Map([...attributes].map(([name, { numbers, text }]) => [name, text === '' ? numbers : [text === 'tanh' ? 1 : 0]]));

const INTEGER_RESULTS = new Set(['MatMulInteger', 'Shape', 'Size', 'ArgMax']);

function isFloatOf(
  operator: string,
  inputs: readonly (Traced | undefined)[],
  attributes: ReadonlyMap<string, readonly number[]>,
  output: number,
): boolean {
  if (operator === 'Cast') return isFloatType(attributes.get('to')?.[0] ?? 0);
  if (operator === 'DynamicQuantizeLinear') return output === 1;
  if (operator === 'DequantizeLinear' || operator.startsWith('com.microsoft.')) return true;
  if (INTEGER_RESULTS.has(operator)) return false;
  const data = inputs[operator === 'Where' ? 1 : 0];
  if (data === undefined) return false;
  return data.kind === 'constant' ? isFloatType(data.tensor.dataType) : data.isFloat;
}
