import { PIECE_BUCKETS, PIECE_TOKENISER_VERSION } from '../../static/piece-tokeniser.ts';
import { STATIC_TABLE_NAMES } from '../../static/static-model.ts';
import { SUBWORD_BUCKETS } from '../../static/subword-pieces.ts';
import { SUBWORD_TOKENISER_VERSION } from '../../static/subword-tokeniser.ts';
import type { GraphNode, GraphTensor, OnnxGraph } from '../graph/onnx-graph.ts';
import { DATA_TYPE, floatsOf, nodeOf, tensorOf, withoutUnread } from '../graph/onnx-graph.ts';
import type { Matrix } from '../matrix.ts';
import { multiply, quantiseRows, rowCount, secondMoment } from '../matrix.ts';
import { principalAxes } from '../principal-axes.ts';

/** A graph that sums rows of one table, with its vocabulary in its metadata; row 0 is the unknown token. */
export interface StaticGraph {
  readonly graph: OnnxGraph;
  readonly words: readonly string[];
  /** Behind the rows of the words lie those of pieces, where the tokeniser has them. */
  readonly table: Matrix;
  /** The constant that the table is. */
  readonly name: string;
  /** The version of the rules that make ids of texts; absent: of the first. */
  readonly tokeniser: string | undefined;
  /** Whether its file has codes of 8 bits, which `graph` has decoded. */
  readonly isCoded: boolean;
}

const { codes: CODES, scales: SCALES, floats: FLOATS } = STATIC_TABLE_NAMES;

/** Rows behind those of the words, which the rules hash to. */
function pieceRows(tokeniser: string | undefined): number {
  if (tokeniser === PIECE_TOKENISER_VERSION) return PIECE_BUCKETS;
  return tokeniser === SUBWORD_TOKENISER_VERSION ? SUBWORD_BUCKETS : 0;
}

/** The graph as a static model with a float table; the default model's codes are decoded. `undefined`: it is no static model. */
export function staticGraph(graph: OnnxGraph): StaticGraph | undefined {
  const words = graph.metadata.get(STATIC_TABLE_NAMES.vocabulary)?.split('\n');
  if (words === undefined) return undefined;
  const decoded = decodedTable(graph);
  const tokeniser = graph.metadata.get(STATIC_TABLE_NAMES.tokeniser);
  const tables = [...decoded.tensors].filter(([, tensor]) => isTable(tensor, words.length + 1 + pieceRows(tokeniser)));
  const [found] = tables;
  if (found === undefined || tables.length > 1 || !decoded.nodes.some((node) => reads(node, found[0]))) return undefined;
  const [name, tensor] = found;
  const table = { columns: tensor.dims[1]!, values: Float64Array.from(floatsOf(tensor)) };
  return { graph: decoded, words, name, table, tokeniser, isCoded: decoded !== graph };
}

const isTable = ({ dataType, dims }: GraphTensor, rows: number): boolean =>
  dataType === DATA_TYPE.float32 && dims.length === 2 && dims[0] === rows && dims[1]! > 1;

const reads = (node: GraphNode, name: string): boolean => node.opType === 'Gather' && node.inputs[0] === name;

/** Replaces the codes and scales of a model of Sluice by the float table that they stand for. */
function decodedTable(graph: OnnxGraph): OnnxGraph {
  const [codes, scales] = [graph.tensors.get(CODES), graph.tensors.get(SCALES)];
  const gather = graph.nodes.find((node) => reads(node, CODES));
  const scaled = graph.nodes.find(({ opType, inputs }) => opType === 'Mul' && inputs.some((input) => isScale(graph, input)));
  if (codes === undefined || scales === undefined || gather === undefined || scaled === undefined) return graph;
  const factors = floatsOf(scales);
  const columns = codes.dims[1]!;
  const values = new Float32Array(new Int8Array(codes.bytes.slice().buffer));
  for (let row = 0; row < factors.length; row++)
    for (let at = row * columns; at < (row + 1) * columns; at++) values[at] = values[at]! * factors[row]!;
  const tensors = new Map([...graph.tensors, [FLOATS, tensorOf(DATA_TYPE.float32, codes.dims, values)] as const]);
  const nodes = graph.nodes.map((node) => (node === scaled ? nodeOf('Gather', [FLOATS, gather.inputs[1]!], scaled.outputs[0]!) : node));
  return withoutUnread({ ...graph, nodes, tensors });
}

const isScale = ({ nodes }: OnnxGraph, input: string): boolean => nodes.some((node) => reads(node, SCALES) && node.outputs[0] === input);

/** The graph of a static model with a code of 8 bits a number and a scale a row: the form that is served, in standard operators. */
export function codedGraph({ graph, name, table }: StaticGraph): OnnxGraph {
  const { codes, scales } = quantiseRows(table);
  const rows = rowCount(table);
  const tensors = new Map([
    ...graph.tensors,
    [CODES, tensorOf(DATA_TYPE.int8, [rows, table.columns], codes)] as const,
    [SCALES, tensorOf(DATA_TYPE.float32, [rows, 1], scales)] as const,
  ]);
  const nodes = graph.nodes.flatMap((node) => {
    if (!reads(node, name)) return [node];
    const [ids, output] = [node.inputs[1]!, node.outputs[0]!];
    const [gathered, floats, scale] = [`${output}_codes`, `${output}_floats`, `${output}_scales`];
    return [
      nodeOf('Gather', [CODES, ids], gathered),
      nodeOf('Cast', [gathered], floats, { attributes: [{ name: 'to', int: DATA_TYPE.float32 }] }),
      nodeOf('Gather', [SCALES, ids], scale),
      nodeOf('Mul', [floats, scale], output),
    ];
  });
  return withoutUnread({ ...graph, nodes, tensors });
}

/** The graph in the form that its file had: codes where it had codes. */
export const asRead = (model: StaticGraph): OnnxGraph => (model.isCoded ? codedGraph(model) : model.graph);

/** The model with the words `keep` alone, in their old order: a text of words that stay has the vector that it had. */
export function pruneVocabulary(model: StaticGraph, keep: ReadonlySet<string>): StaticGraph {
  const kept = model.words.flatMap((word, i) => (keep.has(word) ? [i] : []));
  const { columns, values } = model.table;
  const pieces = values.subarray((model.words.length + 1) * columns);
  const table = { columns, values: new Float64Array((kept.length + 1) * columns + pieces.length) };
  table.values.set(pieces, (kept.length + 1) * columns);
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
  return { ...model, graph, words, table };
}
