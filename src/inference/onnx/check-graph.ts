import { shownName } from '../../contract/api/field-path.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { LimitRef } from '../../contract/limits/limit-refusal.ts';
import { boundOf, refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { ServedFile } from '../served-manifest.ts';
import type { TensorPort } from '../tensor.ts';
import { checkNames } from './check-names.ts';
import { OWN_FILE } from './detach-weights.ts';
import { externalPath } from './external-path.ts';
import type { OnnxBody, OnnxGraph, OnnxPort } from './onnx-graph.ts';
import type { ExternalValues, OnnxTensor } from './onnx-tensor.ts';
import { elementType } from './onnx-tensor.ts';
import { hasOperator, operatorDomain } from './runtime-operators.ts';

/** What a graph that the runtime may load takes, answers and weighs. */
export interface GraphFacts {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** Of all constants, wherever they are stored. */
  readonly weightBytes: number;
  /** The files that hold constants, by the names that the graph calls them. */
  readonly external: ReadonlyMap<string, string>;
  /** Whether it scales numbers by the largest of the whole batch, so that rows change each other's answers. */
  readonly mixesRows: boolean;
}

export interface GraphPlace {
  /** Path of the ONNX file in its model's folder. */
  readonly path: string;
  readonly files: readonly Pick<ServedFile, 'path' | 'bytes'>[];
  /** Where the file stands in the request. */
  readonly at: FieldPath;
  /** Whether the graph was read without its large constants, which are in the file itself. */
  readonly isDetached?: boolean;
  /** How many bytes its constants may have, wherever they are: those of an isolate, unless it says otherwise. */
  readonly weightsLimit?: LimitRef;
}

/**
 * Whether the runtime may be given a graph: its operators exist, each value is made once and before it is used, constants are as long as
 * they say, and files outside of it are in the model's folder. What it needs to run cannot be read from a file; the runtime's own memory
 * bounds that. [M51] [M52] [M53]
 */
export function checkGraph(graph: OnnxGraph, place: GraphPlace): Outcome<GraphFacts> {
  const { at } = place;
  const opset = graph.opsets.get('') ?? graph.opsets.get('ai.onnx');
  if (opset === undefined) return refuse('invalid_value', 'says no version of the ONNX operators (opset_import)', at);
  if (opset > MODEL_LIMITS.graphOpsetMax)
    return refuseBeyond({ path: at, limit: 'graphOpsetMax', value: opset, what: `has operators of opset ${opset}` });
  const operators = checkOperators(graph, at);
  if (!operators.ok) return operators;
  const names = checkNames(graph, at);
  if (!names.ok) return names;
  const weights = checkConstants(graph, place);
  if (!weights.ok) return weights;
  const constants = new Set(graph.initialisers.map(({ name }) => name));
  const inputs = readPorts(
    graph.inputs.filter(({ name }) => !constants.has(name)),
    at,
  );
  if (!inputs.ok) return inputs;
  const outputs = readPorts(graph.outputs, at);
  if (!outputs.ok) return outputs;
  return ok({ inputs: inputs.value, outputs: outputs.value, mixesRows: hasMixing(graph), ...weights.value });
}

/** Operators that find the range of what they quantise when they run. */
const MIXING = new Set(['DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM']);

const hasMixing = (body: OnnxBody): boolean =>
  body.nodes.some(({ operator, branches }) => MIXING.has(operator) || branches.some(hasMixing));

function checkOperators(body: OnnxBody, at: FieldPath): Outcome<void> {
  for (const node of body.nodes) {
    if (!hasOperator(node.domain, node.operator)) {
      const domain = operatorDomain(node.domain);
      const operator = `${domain === '' ? '' : `${shownName(domain)}.`}${shownName(node.operator)}`;
      return refuse('invalid_value', `has the operator ${JSON.stringify(operator)}, which the runtime does not support`, at);
    }
    for (const branch of node.branches) {
      const checked = checkOperators(branch, at);
      if (!checked.ok) return checked;
    }
  }
  return ok(undefined);
}

function* constantsOf(body: OnnxBody): Generator<{ tensor: OnnxTensor; isInitialiser: boolean }> {
  for (const tensor of body.initialisers) yield { tensor, isInitialiser: true };
  for (const node of body.nodes) {
    for (const tensor of node.constants) yield { tensor, isInitialiser: false };
    for (const branch of node.branches) yield* constantsOf(branch);
  }
}

function checkConstants(graph: OnnxBody, place: GraphPlace): Outcome<Pick<GraphFacts, 'weightBytes' | 'external'>> {
  const { at, weightsLimit = 'graphBytesMax' } = place;
  const external = new Map<string, string>();
  let weightBytes = 0;
  for (const { tensor, isInitialiser } of constantsOf(graph)) {
    const called = `the constant ${JSON.stringify(shownName(tensor.name))}`;
    const bytes = declaredBytes(tensor);
    if (bytes === undefined) return refuse('invalid_value', `has ${called} of an unknown type or with a negative dimension`, at);
    weightBytes += bytes;
    if (weightBytes > boundOf(weightsLimit))
      return refuseBeyond({ path: at, limit: weightsLimit, value: weightBytes, what: `has constants of more bytes (${called})` });
    const { stored } = tensor;
    if (stored.kind === 'raw' && stored.bytes.length !== bytes)
      return refuse('invalid_value', `has ${called} of ${bytes} bytes, but holds ${stored.bytes.length} of it`, at);
    if (stored.kind === 'listed' && stored.count < listedCount(tensor))
      return refuse('invalid_value', `has ${called} of ${elementCount(tensor.dims)} numbers, but holds fewer`, at);
    if (stored.kind !== 'external') continue;
    if (!isInitialiser) return refuse('invalid_value', `keeps ${called} of a node in another file`, at);
    const file = findExternal(stored, bytes, called, place);
    if (!file.ok) return file;
    if (stored.location !== OWN_FILE) external.set(stored.location, file.value);
  }
  return ok({ weightBytes, external });
}

/** The file that holds a constant of so many bytes. */
function findExternal(
  stored: ExternalValues,
  bytes: number,
  called: string,
  { path, files, at, isDetached = false }: GraphPlace,
): Outcome<string> {
  // As `detachPieces` writes it.
  const isOwn = isDetached && stored.location === OWN_FILE;
  const file = isOwn ? path : externalPath(path, stored.location);
  if (file === undefined)
    return refuse('invalid_value', `keeps ${called} in ${JSON.stringify(shownName(stored.location))}, outside of its folder`, at);
  const found = files.find((candidate) => candidate.path === file);
  if (found === undefined)
    return refuse('invalid_value', `keeps ${called} in ${JSON.stringify(shownName(file))}, which is not among the files`, at);
  if (!(stored.offset >= 0) || (stored.bytes ?? bytes) !== bytes || stored.offset + bytes > found.bytes)
    return refuse('invalid_value', `has ${called} of ${bytes} bytes; ${shownName(file)} does not hold as many where it points`, at);
  return ok(file);
}

const elementCount = (dims: readonly number[]): number => dims.reduce((count, dim) => count * dim, 1);

/** Undefined: not a size at all. Sizes past 2^53 lose low bits, and are far beyond the limit. */
function declaredBytes({ dims, dataType }: OnnxTensor): number | undefined {
  const type = elementType(dataType);
  // Negative numbers arrive as integers of 64 bits without a sign.
  if (type === undefined || dims.some((dim) => dim >= 2 ** 63)) return undefined;
  return Math.ceil((elementCount(dims) * type.bits) / 8);
}

/** How many listed numbers make the tensor: those of less than a byte come in pairs. */
const listedCount = ({ dims, dataType }: OnnxTensor): number => elementCount(dims) / ((elementType(dataType)?.bits ?? 8) < 8 ? 2 : 1);

function readPorts(ports: readonly OnnxPort[], at: FieldPath): Outcome<TensorPort[]> {
  if (ports.length > MODEL_LIMITS.graphPortsMaxCount)
    return refuseBeyond({ path: at, limit: 'graphPortsMaxCount', value: ports.length, what: `has ${ports.length} inputs or outputs` });
  const read: TensorPort[] = [];
  for (const { name, dataType, shape } of ports) {
    const type = elementType(dataType)?.type;
    if (type === undefined)
      return refuse('invalid_value', `has an input or output ${JSON.stringify(shownName(name))} that is no tensor of a known type`, at);
    read.push({ name, type, shape: shape.map((dim) => (typeof dim === 'number' && dim >= 2 ** 63 ? '' : dim)) });
  }
  return ok(read);
}
