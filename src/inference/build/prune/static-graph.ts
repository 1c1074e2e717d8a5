import { STATIC_TABLE_NAMES } from '../../static/static-model.ts';
import type { GraphNode, GraphTensor, OnnxGraph } from '../graph/onnx-graph.ts';
import { DATA_TYPE, floatsOf, nodeOf, tensorOf, withoutUnread } from '../graph/onnx-graph.ts';
import type { Matrix } from '../matrix.ts';
import { multiply, rowCount, secondMoment } from '../matrix.ts';
import { principalAxes } from '../principal-axes.ts';

/** A graph that sums rows of one table, with its vocabulary in its metadata; row 0 is the unknown token. */
export interface StaticGraph {
  readonly graph: OnnxGraph;
  readonly words: readonly string[];
  readonly table: Matrix;
  /** The constant that the table is. */
  readonly name: string;
}

const FLOAT_TABLE = 'token_table';

/** The graph as a static model with a float table; the default model's codes are decoded. `undefined`: it is no static model. */
export function staticGraph(graph: OnnxGraph): StaticGraph | undefined {
  const words = graph.metadata.get(STATIC_TABLE_NAMES.vocabulary)?.split('\n');
  if (words === undefined) return undefined;
  const decoded = decodedTable(graph);
  const tables = [...decoded.tensors].filter(([, tensor]) => isTable(tensor, words.length + 1));
  const [found] = tables;
  if (found === undefined || tables.length > 1 || !decoded.nodes.some((node) => reads(node, found[0]))) return undefined;
  const [name, tensor] = found;
  return { graph: decoded, words, name, table: { columns: tensor.dims[1]!, values: Float64Array.from(floatsOf(tensor)) } };
}

const isTable = ({ dataType, dims }: GraphTensor, rows: number): boolean =>
  dataType === DATA_TYPE.float32 && dims.length === 2 && dims[0] === rows && dims[1]! > 1;

const reads = (node: GraphNode, name: string): boolean => node.opType === 'Gather' && node.inputs[0] === name;

/** Replaces the codes and scales of a model of Sluice by the float table that they stand for. */
function decodedTable(graph: OnnxGraph): OnnxGraph {
  const [codes, scales] = [graph.tensors.get(STATIC_TABLE_NAMES.codes), graph.tensors.get(STATIC_TABLE_NAMES.scales)];
  const gather = graph.nodes.find((node) => reads(node, STATIC_TABLE_NAMES.codes));
  const scaled = graph.nodes.find(({ opType, inputs }) => opType === 'Mul' && inputs.some((input) => isScale(graph, input)));
  if (codes === undefined || scales === undefined || gather === undefined || scaled === undefined) return graph;
  const factors = floatsOf(scales);
  const columns = codes.dims[1]!;
  const values = new Float32Array(new Int8Array(codes.bytes.slice().buffer));
  for (let row = 0; row < factors.length; row++)
    for (let at = row * columns; at < (row + 1) * columns; at++) values[at] = values[at]! * factors[row]!;
  const tensors = new Map([...graph.tensors, [FLOAT_TABLE, tensorOf(DATA_TYPE.float32, codes.dims, values)] as const]);
  const nodes = graph.nodes.map((node) =>
    node === scaled ? nodeOf('Gather', [FLOAT_TABLE, gather.inputs[1]!], scaled.outputs[0]!) : node,
  );
  return withoutUnread({ ...graph, nodes, tensors });
}

const isScale = ({ nodes }: OnnxGraph, input: string): boolean =>
  nodes.some((node) => reads(node, STATIC_TABLE_NAMES.scales) && node.outputs[0] === input);

/** The model with the words `keep` alone, in their old order: a text of words that stay has the vector that it had. */
export function pruneVocabulary(model: StaticGraph, keep: ReadonlySet<string>): StaticGraph {
  const kept = model.words.flatMap((word, i) => (keep.has(word) ? [i] : []));
  const { columns, values } = model.table;
  const table = { columns, values: new Float64Array((kept.length + 1) * columns) };
  kept.forEach((word, row) => table.values.set(values.subarray((word + 1) * columns, (word + 2) * columns), (row + 1) * columns));
  return withTable(
    model,
    table,
    kept.map((word) => model.words[word]!),
  );
}

/**
 * The model with `dimensions` numbers a vector: the coordinates on the principal axes of `texts`, which are vectors of texts by the model, or of
 * the table's rows. Of all projections this keeps most of the products between them.
 */
export function pruneDimensions(model: StaticGraph, dimensions: number, texts: Matrix = model.table): StaticGraph {
  const { axes } = principalAxes(secondMoment(texts));
  const n = axes.columns;
  const first = { columns: dimensions, values: new Float64Array(n * dimensions) };
  for (let i = 0; i < n; i++) first.values.set(axes.values.subarray(i * n, i * n + dimensions), i * dimensions);
  return withTable(model, multiply(model.table, first), model.words);
}

function withTable(model: StaticGraph, table: Matrix, words: readonly string[]): StaticGraph {
  const tensor = tensorOf(DATA_TYPE.float32, [rowCount(table), table.columns], Float32Array.from(table.values));
  const graph = {
    ...model.graph,
    isReshaped: model.graph.isReshaped === true || table.columns !== model.table.columns,
    tensors: new Map([...model.graph.tensors, [model.name, tensor] as const]),
    metadata: new Map([...model.graph.metadata, [STATIC_TABLE_NAMES.vocabulary, words.join('\n')] as const]),
  };
  return { graph, words, table, name: model.name };
}
