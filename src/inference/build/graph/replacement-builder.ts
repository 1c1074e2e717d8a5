import type { GraphAttribute, GraphNode, GraphTensor, Replacement } from './onnx-graph.ts';
import { CONTRIB_DOMAIN, DATA_TYPE, nodeOf, tensorOf } from './onnx-graph.ts';

type Attributes = Readonly<Record<string, number>>;

/**
 * Gathers the nodes that replace one node. Their outputs are named after the replaced node's output, their constants after the constant they
 * come from, so that nodes which read the same constant share what became of it.
 */
export class ReplacementBuilder implements Replacement {
  readonly nodes: GraphNode[] = [];
  readonly tensors = new Map<string, GraphTensor>();
  readonly #output: string;
  readonly #constant: string;

  constructor(output: string, constant: string) {
    this.#output = output;
    this.#constant = constant;
  }

  /** A standard operator; returns the name of its output. */
  op(opType: string, inputs: readonly string[], part: string, attributes: Attributes = {}): string {
    return this.#add('', opType, inputs, `${this.#output}/${part}`, attributes);
  }

  /** An operator of ONNX Runtime beyond the standard. */
  contribOp(opType: string, inputs: readonly string[], part: string, attributes: Attributes = {}): string {
    return this.#add(CONTRIB_DOMAIN, opType, inputs, `${this.#output}/${part}`, attributes);
  }

  /** Gives the replaced node's name to `name`: the last step. */
  finish(name: string): Replacement {
    const last = this.nodes.findIndex(({ outputs }) => outputs[0] === name);
    this.nodes[last] = { ...this.nodes[last]!, outputs: [this.#output, ...this.nodes[last]!.outputs.slice(1)] };
    return this;
  }

  toFloat(input: string, part: string): string {
    return this.op('Cast', [input], part, { to: DATA_TYPE.float32 });
  }

  constant(part: string, dataType: number, dims: readonly number[], data: ArrayBufferView): string {
    const name = `${this.#constant}/${part}`;
    this.tensors.set(name, tensorOf(dataType, dims, data));
    return name;
  }

  float(part: string, value: number): string {
    return this.constant(part, DATA_TYPE.float32, [1], Float32Array.of(value));
  }

  int64(part: string, value: number): string {
    return this.constant(part, DATA_TYPE.int64, [1], BigInt64Array.of(BigInt(value)));
  }

  /** For an operator with several outputs: `parts` names them, and their names are returned. */
  manyOutputs(opType: string, inputs: readonly string[], parts: readonly string[]): string[] {
    const outputs = parts.map((part) => `${this.#output}/${part}`);
    this.nodes.push({ ...nodeOf(opType, inputs, outputs[0]!), outputs });
    return outputs;
  }

  #add(domain: string, opType: string, inputs: readonly string[], output: string, attributes: Attributes): string {
    const list: GraphAttribute[] = Object.entries(attributes).map(([name, int]) => ({ name, int }));
    this.nodes.push(nodeOf(opType, inputs, output, { attributes: list, domain }));
    return output;
  }
}
