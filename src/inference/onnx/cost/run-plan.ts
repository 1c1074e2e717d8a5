import { orderOf } from '../check-names.ts';
import type { OnnxAttribute } from '../onnx-attribute.ts';
import type { OnnxBody, OnnxGraph, OnnxNode } from '../onnx-graph.ts';
import type { OnnxTensor } from '../onnx-tensor.ts';
import { DATA, NUMBERS_MAX, numbersOf, productOf, valueOf } from './graph-value.ts';
import type { GraphValue } from './graph-value.ts';

/** A node, with its values by number; -1: an optional one that is not there. */
export interface PlannedStep {
  readonly operator: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  readonly branches: readonly PlannedBody[];
}

export interface PlannedBody {
  /** Each behind those whose values it needs. */
  readonly steps: readonly PlannedStep[];
  readonly outputs: readonly number[];
}

/** What of a graph decides what a run costs; nothing of it holds on to the bytes of the file. */
export interface RunPlan extends PlannedBody {
  /** Of the standard operators. */
  readonly opset: number;
  /** Numbers of the inputs, by name. */
  readonly inputs: ReadonlyMap<string, number>;
  /** What is known of values before any run, by number: of constants. */
  readonly constants: readonly (GraphValue | undefined)[];
}

/** The graph has passed `checkNames`. */
export function planRuns(graph: OnnxGraph): RunPlan {
  const planner = new Planner();
  const body = planner.body(graph, new Map());
  const opset = graph.opsets.get('') ?? graph.opsets.get('ai.onnx') ?? 0;
  return { ...body, opset, constants: planner.constants };
}

class Planner {
  readonly constants: (GraphValue | undefined)[] = [];

  /** `outer`: numbers of the values around it, by name. */
  body(body: OnnxBody, outer: ReadonlyMap<string, number>): PlannedBody & Pick<RunPlan, 'inputs'> {
    const names = new Map(outer);
    const inputs = new Map<string, number>();
    for (const tensor of body.initialisers) names.set(tensor.name, this.#add(constantOf(tensor)));
    const constants = new Set(body.initialisers.map(({ name }) => name));
    for (const { name } of body.inputs) if (!constants.has(name)) inputs.set(name, this.#add(undefined));
    for (const [name, number] of inputs) names.set(name, number);
    const steps: PlannedStep[] = [];
    for (const index of orderOf(body)) {
      const node = body.nodes[index]!;
      const constant = node.operator === 'Constant' ? constantOfNode(node) : undefined;
      const outputs = node.outputs.map((name) => {
        const number = this.#add(constant);
        if (name !== '') names.set(name, number);
        return number;
      });
      if (constant === undefined) steps.push({ ...this.#step(node, names), outputs });
    }
    return { steps, inputs, outputs: body.outputs.map(({ name }) => names.get(name) ?? -1) };
  }

  #step(node: OnnxNode, names: ReadonlyMap<string, number>): Omit<PlannedStep, 'outputs'> {
    const { operator, attributes } = node;
    // What an operator fills with stands behind its inputs.
    const fills = node.constants.map((tensor) => this.#add(constantOf(tensor)));
    const inputs = [...node.inputs.map((name) => names.get(name) ?? -1), ...fills];
    return { operator, inputs, attributes, branches: node.branches.map((branch) => this.body(branch, names)) };
  }

  #add(value: GraphValue | undefined): number {
    return this.constants.push(value) - 1;
  }
}

function constantOfNode({ constants: [tensor], attributes }: OnnxNode): GraphValue {
  if (tensor !== undefined) return constantOf(tensor);
  for (const [name, dataType] of [
    ['value_int', DATA.int64],
    ['value_float', DATA.float32],
  ] as const) {
    const [one, many] = [attributes.get(name), attributes.get(`${name}s`)];
    if (one !== undefined) return numbersOf(dataType, [], one.numbers);
    if (many !== undefined)
      return many.numbers.length < many.count ? valueOf(dataType, [many.count]) : numbersOf(dataType, [many.count], many.numbers);
  }
  return valueOf(DATA.float32, []);
}

function constantOf({ dims, dataType, stored }: OnnxTensor): GraphValue {
  const count = productOf(dims);
  const value = valueOf(dataType, [...dims]);
  if (count > NUMBERS_MAX || stored.kind === 'external') return value;
  const numbers = stored.kind === 'listed' ? stored.numbers : rawNumbers(dataType, stored.bytes);
  return numbers?.length === count ? numbersOf(dataType, [...dims], [...numbers]) : value;
}

function rawNumbers(dataType: number, bytes: Uint8Array): number[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = READERS.get(dataType);
  if (reader === undefined) return undefined;
  return Array.from({ length: bytes.length / reader.bytes }, (_, i) => reader.read(view, i * reader.bytes));
}

const READERS: ReadonlyMap<number, { readonly bytes: number; readonly read: (view: DataView, at: number) => number }> = new Map([
  [DATA.float32, { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at, true) }],
  [DATA.float64, { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at, true) }],
  [DATA.int32, { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at, true) }],
  [DATA.int64, { bytes: 8, read: (view: DataView, at: number) => Number(view.getBigInt64(at, true)) }],
  [DATA.uint8, { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) }],
  [DATA.int8, { bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) }],
  [DATA.bool, { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) }],
]);
