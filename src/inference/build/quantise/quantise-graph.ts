import { assert } from '../../../kernel/assert.ts';
import type { GraphNode, GraphTensor, OnnxGraph, Replacement } from '../graph/onnx-graph.ts';
import { DATA_TYPE, elementCount, floatOf, floatsOf, intOf, rewriteNodes } from '../graph/onnx-graph.ts';
import type { CodeShape, TensorError } from './group-codes.ts';
import { decode, groupCodes, tensorError } from './group-codes.ts';
import { blockProduct, dynamicProduct, storedConstant, toRows } from './product-rewrites.ts';
import type { CodedTensor } from './table-rewrites.ts';
import { blockQuantizedGather, standardGather } from './table-rewrites.ts';

/** How a constant may be quantised, by what reads it: tables by `Gather`, products by `MatMul` and `Gemm`, convolutions by `Conv`. */
export const QUANTISE_MODES = {
  row: { roles: ['table'], bits: [8, 4] },
  block: { roles: ['table'], bits: [8, 4] },
  gbq: { roles: ['table'], bits: [8, 4] },
  dynamic: { roles: ['product'], bits: [8] },
  matmulnbits: { roles: ['product'], bits: [8, 4] },
  stored: { roles: ['table', 'product', 'convolution'], bits: [8] },
} as const;
export type QuantiseMode = keyof typeof QUANTISE_MODES;

export interface QuantiseOptions {
  readonly bits: 8 | 4;
  /** In order of preference: each constant takes the first that applies to it. */
  readonly modes: readonly QuantiseMode[];
  /** Numbers to a scale in the modes `block`, `gbq` and `matmulnbits`. */
  readonly block: number;
  /** Constants that stay as they are. */
  readonly skip: ReadonlySet<string>;
}

/** What became of a float constant. */
export interface TensorReport extends TensorError {
  readonly name: string;
  readonly dims: readonly number[];
  /** `kept`: as it was, and `reason` says why. */
  readonly mode: QuantiseMode | 'kept';
  readonly reason?: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface QuantisedGraph {
  readonly graph: OnnxGraph;
  /** The constants that are large enough to matter, in the order of the graph. */
  readonly tensors: readonly TensorReport[];
}

/** Whether constants of the graph are codes of 8 bits or fewer. */
export const hasCodes = ({ tensors }: OnnxGraph): boolean =>
  [...tensors.values()].some(({ dataType, dims }) => CODE_TYPES.has(dataType) && elementCount(dims) >= TENSOR_ELEMENTS_MIN);

const CODE_TYPES: ReadonlySet<number> = new Set([DATA_TYPE.int8, DATA_TYPE.uint8]);

/** Smaller constants are biases, scales and shapes: they cost nothing and much depends on them. */
export const TENSOR_ELEMENTS_MIN = 1024;

type Role = 'table' | 'product' | 'convolution';

/** Quantises the constants of a graph that the modes apply to and reports what it did to each. The graph given is not changed. */
export function quantiseGraph(graph: OnnxGraph, options: QuantiseOptions): QuantisedGraph {
  const replacements = new Map<GraphNode, Replacement>();
  const tensors: TensorReport[] = [];
  const readers = readersOf(graph);
  for (const [name, tensor] of graph.tensors) {
    if (tensor.dataType !== DATA_TYPE.float32 || elementCount(tensor.dims) < TENSOR_ELEMENTS_MIN) continue;
    const plan = planOf(graph, name, tensor, readers.get(name) ?? [], options);
    if (typeof plan === 'string') {
      tensors.push(keptReport(name, tensor, plan));
      continue;
    }
    const coded = code(name, tensor, plan, options);
    const made = plan.nodes.map((node) => [node, replace(node, coded, plan, tensor, graph.opsets.get('') ?? 1)] as const);
    const bytesAfter = Math.max(
      ...made.map(([, { tensors: parts }]) => [...parts.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)),
    );
    // Such as the scales of codes that are there already.
    if (bytesAfter >= tensor.bytes.length) {
      tensors.push(keptReport(name, tensor, 'codes and scales would take no less'));
      continue;
    }
    for (const [node, replacement] of made) {
      assert(!replacements.has(node), 'a node reads one constant of a role');
      replacements.set(node, replacement);
    }
    tensors.push({
      name,
      dims: tensor.dims,
      mode: plan.mode,
      bytesBefore: tensor.bytes.length,
      bytesAfter,
      ...errorOf(tensor, coded, plan),
    });
  }
  return { graph: rewriteNodes(graph, replacements), tensors };
}

interface Plan {
  readonly mode: QuantiseMode;
  readonly role: Role;
  readonly nodes: readonly GraphNode[];
  /** Whether the channels are the last dimension of the tensor: those of products are, unless the product transposes it. */
  readonly isLast: boolean;
}

/** How to quantise a constant, or why it stays. */
function planOf(
  graph: OnnxGraph,
  name: string,
  tensor: GraphTensor,
  nodes: readonly GraphNode[],
  { skip, modes, bits }: QuantiseOptions,
): Plan | string {
  if (skip.has(name)) return 'skipped by name';
  if (!floatsOf(tensor).every(Number.isFinite)) return 'it has numbers that are not finite';
  if (graph.outputs.includes(name) || graph.nodes.some(({ captures }) => captures.includes(name)))
    return 'an output or a subgraph reads it';
  const roles = new Set(nodes.map((node) => roleOf(node, name, tensor)));
  const [role] = roles;
  if (role === undefined || roles.size > 1) return 'no node, or several kinds of nodes, read it';
  if (role === null) return `${[...new Set(nodes.map(({ opType }) => opType))].join(' and ')} cannot read codes in its place`;
  const opset = graph.opsets.get('') ?? 1;
  const mode = modes.find((each) => (QUANTISE_MODES[each].roles as readonly Role[]).includes(role) && !isTooOld(each, opset));
  if (mode === undefined) return `no mode that was given applies to a ${role} in a graph of operator set ${opset}`;
  assert((QUANTISE_MODES[mode].bits as readonly number[]).includes(bits), 'callers check the bits of their modes');
  const transposes = nodes.map((node) => node.opType === 'Gemm' && intOf(node, 'transB', 0) === 1);
  if (new Set(transposes).size > 1) return 'it is read both as it is and transposed';
  if (transposes[0] === true && mode !== 'stored') return replaceable(nodes, { mode, role, nodes, isLast: false });
  return replaceable(nodes, { mode, role, nodes, isLast: role === 'product' && transposes[0] !== true });
}

/** A node can take only one replacement. */
const replaceable = (nodes: readonly GraphNode[], plan: Plan): Plan | string =>
  new Set(nodes).size === nodes.length ? plan : 'a node reads it twice';

/** The standard rewriting of a table uses `Concat` along the last axis and `Slice` by inputs. */
const TABLE_OPSET = 11;
const isTooOld = (mode: QuantiseMode, opset: number): boolean =>
  (mode === 'row' || mode === 'block' || mode === 'gbq') && opset < TABLE_OPSET;

/** What a constant is to a node that reads it; `null`: nothing that can be quantised. */
function roleOf(node: GraphNode, name: string, { dims }: GraphTensor): Role | null {
  const at = node.inputs.indexOf(name);
  if (node.domain !== '' || node.inputs.lastIndexOf(name) !== at) return null;
  if (node.opType === 'Gather' && at === 0 && dims.length === 2 && intOf(node, 'axis', 0) === 0) return 'table';
  if (at !== 1) return null;
  if (node.opType === 'Conv') return 'convolution';
  return dims.length === 2 && (node.opType === 'MatMul' || isPlainGemm(node)) ? 'product' : null;
}

const isPlainGemm = (node: GraphNode): boolean =>
  node.opType === 'Gemm' && floatOf(node, 'alpha', 1) === 1 && floatOf(node, 'beta', 1) === 1 && intOf(node, 'transA', 0) === 0;

function readersOf(graph: OnnxGraph): Map<string, GraphNode[]> {
  const readers = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node]);
  return readers;
}

/** The constant as rows of channels, and as codes. */
function code(name: string, tensor: GraphTensor, { mode, isLast }: Plan, { bits, block }: QuantiseOptions): CodedTensor {
  const channels = tensor.dims[isLast ? tensor.dims.length - 1 : 0]!;
  const columns = elementCount(tensor.dims) / channels;
  const isBlocked = mode === 'block' || mode === 'gbq' || mode === 'matmulnbits';
  const shape: CodeShape = { bits, columns, group: isBlocked ? block : columns };
  const values = floatsOf(tensor);
  return { name, rows: channels, shape, codes: groupCodes(isLast ? toRows(values, channels) : values, shape) };
}

function replace(node: GraphNode, coded: CodedTensor, { mode, isLast }: Plan, { dims }: GraphTensor, opset: number): Replacement {
  switch (mode) {
    case 'row':
    case 'block':
      return standardGather(node, coded);
    case 'gbq':
      return blockQuantizedGather(node, coded);
    case 'dynamic':
      return dynamicProduct(node, coded, opset);
    case 'matmulnbits':
      return blockProduct(node, coded);
    case 'stored':
      return storedConstant(node, coded, { dims, isLast });
  }
}

function errorOf(tensor: GraphTensor, coded: CodedTensor, { isLast }: Plan): TensorError {
  const values = floatsOf(tensor);
  return tensorError(isLast ? toRows(values, coded.rows) : values, decode(coded.codes, coded.shape));
}

/** The report of a constant that stays. */
export const keptReport = (name: string, { dims, bytes }: GraphTensor, reason: string): TensorReport => ({
  name,
  dims,
  mode: 'kept',
  reason,
  bytesBefore: bytes.length,
  bytesAfter: bytes.length,
  snrDb: null,
  errorMax: 0,
  cosine: 1,
});
