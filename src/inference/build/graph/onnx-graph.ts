import { assert } from '../../../kernel/assert.ts';

/** TensorProto.DataType, the values that the rewriting of graphs uses. */
export const DATA_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;

/** A constant of a graph. `bytes` is little-endian and row-major, and aligned to nothing. */
export interface GraphTensor {
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly bytes: Uint8Array;
}

/** An attribute of a node: a whole number, several, a float, or `encoded`, which only the reader and writer of files understand. */
export interface GraphAttribute {
  readonly name: string;
  readonly int?: number;
  readonly ints?: readonly number[];
  readonly float?: number;
  readonly encoded?: unknown;
}

export interface GraphNode {
  readonly opType: string;
  /** `''` is ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  /** `''` is an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly GraphAttribute[];
  /** Names of the outer graph that the node's own subgraphs (`If`, `Loop`) read. */
  readonly captures: readonly string[];
}

/** An ONNX graph as plain data: what rewriting needs; the rest stays in `frame`, which only the reader and writer of files understand. */
export interface OnnxGraph {
  /** In topological order, as ONNX demands. */
  readonly nodes: readonly GraphNode[];
  readonly tensors: ReadonlyMap<string, GraphTensor>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Version of each operator set, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly frame: unknown;
  /** Whether the outputs have other dimensions than the frame declares. */
  readonly isReshaped?: boolean;
}

/** The operators of ONNX Runtime beyond the standard. */
export const CONTRIB_DOMAIN = 'com.microsoft';

export const elementCount = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);

/** The numbers of a float32 tensor, copied out, since nothing aligns its bytes. */
export function floatsOf(tensor: GraphTensor): Float32Array<ArrayBuffer> {
  assert(tensor.dataType === DATA_TYPE.float32, 'only float32 tensors are read as numbers');
  return new Float32Array(tensor.bytes.slice().buffer);
}

export const tensorOf = (dataType: number, dims: readonly number[], { buffer, byteOffset, byteLength }: ArrayBufferView): GraphTensor => ({
  dataType,
  dims,
  bytes: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
});

/** A node with one output, named after it. */
export const nodeOf = (
  opType: string,
  inputs: readonly string[],
  output: string,
  { attributes = [], domain = '' }: { readonly attributes?: readonly GraphAttribute[]; readonly domain?: string } = {},
): GraphNode => ({ opType, domain, name: output, inputs, outputs: [output], attributes, captures: [] });

/** The value of a node's whole-number attribute. */
export const intOf = (node: GraphNode, name: string, absent: number): number =>
  node.attributes.find((attribute) => attribute.name === name)?.int ?? absent;

export const floatOf = (node: GraphNode, name: string, absent: number): number =>
  node.attributes.find((attribute) => attribute.name === name)?.float ?? absent;

/** What a rewriting puts in place of one node: nodes whose last output is the node's, and the constants they read. */
export interface Replacement {
  readonly nodes: readonly GraphNode[];
  readonly tensors: ReadonlyMap<string, GraphTensor>;
}

/** The graph with some nodes replaced and the constants that nothing reads any more left out. */
export function rewriteNodes(graph: OnnxGraph, replacements: ReadonlyMap<GraphNode, Replacement>): OnnxGraph {
  const nodes = graph.nodes.flatMap((node) => replacements.get(node)?.nodes ?? [node]);
  const tensors = new Map(graph.tensors);
  for (const replacement of replacements.values()) for (const [name, tensor] of replacement.tensors) tensors.set(name, tensor);
  const opsets = new Map(graph.opsets);
  if (nodes.some(({ domain }) => domain === CONTRIB_DOMAIN)) opsets.set(CONTRIB_DOMAIN, opsets.get(CONTRIB_DOMAIN) ?? 1);
  return withoutUnread({ ...graph, nodes, tensors, opsets });
}

/** The graph without nodes whose outputs nothing reads, and without constants that nothing reads. */
export function withoutUnread(graph: OnnxGraph): OnnxGraph {
  const read = new Set(graph.outputs);
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => read.has(output))) continue;
    for (const name of [...node.inputs, ...node.captures]) read.add(name);
    nodes.push(node);
  }
  const tensors = new Map([...graph.tensors].filter(([name]) => read.has(name)));
  return { ...graph, nodes: nodes.toReversed(), tensors };
}

/** Bytes of all constants. */
export const constantBytes = (graph: OnnxGraph): number => [...graph.tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
