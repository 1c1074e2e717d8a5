import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import { Corrupt, fields, lengthDelimited, scalar, text } from './protobuf-reader.ts';
import type { Field } from './protobuf-reader.ts';
import type { OnnxAttribute } from './onnx-attribute.ts';
import { readAttribute } from './onnx-attribute.ts';
import type { OnnxTensor } from './onnx-tensor.ts';
import { readTensor } from './onnx-tensor.ts';

/** A graph, or the branch of a node. */
export interface OnnxBody {
  readonly nodes: readonly OnnxNode[];
  readonly initialisers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

export interface OnnxGraph extends OnnxBody {
  /** Versions of operators, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
}

export interface OnnxNode {
  readonly operator: string;
  readonly domain: string;
  readonly name: string;
  /** An empty name stands for an optional one that is not there. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly branches: readonly OnnxBody[];
  /** Those that are numbers or texts, by name. */
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  /** Tensors among its attributes. */
  readonly constants: readonly OnnxTensor[];
}

export interface OnnxPort {
  readonly name: string;
  /** TensorProto.DataType; zero: not a tensor, or not said. */
  readonly dataType: number;
  readonly shape: readonly (number | string)[];
}

// Field numbers of onnx.proto.
const MODEL = { graph: 7, opset: 8, functions: 25 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1, initialiser: 5, input: 11, output: 12, sparse: 15 };
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { tensor: 5, graph: 6, tensors: 10, graphs: 11, sparse: 22, sparses: 23 };
const PORT = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { element: 1, shape: 2 };
const SHAPE_DIM = 1;
const DIM = { value: 1, name: 2 };

type CountLimit = 'graphNodesMaxCount' | 'graphTensorsMaxCount' | 'graphDepthMax' | 'graphPortsMaxCount';

/** Ends the reading of a graph that is larger than the reader may become. */
class TooLarge extends Error {
  readonly limit: CountLimit;
  constructor(limit: CountLimit) {
    super(limit);
    this.limit = limit;
  }
}

/**
 * Reads nodes, constants, inputs and outputs of an ONNX file, subgraphs included; weights stay views into the file. Takes time and memory
 * linear in the file, and no more than the limits allow. `path` is where the file stands in the request. [M5] [M50]
 */
export function readOnnxGraph(bytes: Uint8Array<ArrayBuffer>, path: readonly (string | number)[]): Outcome<OnnxGraph> {
  try {
    return ok(new GraphReader().model(bytes));
  } catch (error) {
    if (error instanceof Corrupt) return refuse('invalid_value', `is no ONNX file: ${error.message}, at byte ${error.offset}`, path);
    if (!(error instanceof TooLarge)) throw error;
    return refuseBeyond({ path, limit: error.limit, what: 'has a larger graph' });
  }
}

/** What the attributes of a node are read into. */
interface AttributesRead {
  readonly branches: OnnxBody[];
  readonly attributes: Map<string, OnnxAttribute>;
  readonly constants: OnnxTensor[];
}

class GraphReader {
  #nodes = 0;
  #tensors = 0;

  model(bytes: Uint8Array<ArrayBuffer>): OnnxGraph {
    const opsets = new Map<string, number>();
    let graph: OnnxBody | undefined;
    for (const field of fields(bytes)) {
      if (field.number === MODEL.opset) {
        const [domain, version] = readOpset(lengthDelimited(field));
        opsets.set(domain, version);
      } else if (field.number === MODEL.graph) {
        // Protobuf would merge the two; nothing writes that.
        if (graph !== undefined) throw new Corrupt('a second graph', field.offset);
        graph = this.#body(lengthDelimited(field), 0);
      } else if (field.number === MODEL.functions) {
        throw new Corrupt('functions of its own, which have to be inlined when it is exported', field.offset);
      }
    }
    if (graph === undefined) throw new Corrupt('no graph in it', bytes.byteOffset + bytes.length);
    return { ...graph, opsets };
  }

  #body(message: Uint8Array<ArrayBuffer>, depth: number): OnnxBody {
    if (depth > MODEL_LIMITS.graphDepthMax) throw new TooLarge('graphDepthMax');
    const body = { nodes: [] as OnnxNode[], initialisers: [] as OnnxTensor[], inputs: [] as OnnxPort[], outputs: [] as OnnxPort[] };
    for (const field of fields(message)) {
      if (field.number === GRAPH.node) body.nodes.push(this.#node(lengthDelimited(field), depth));
      else if (field.number === GRAPH.initialiser) body.initialisers.push(this.#tensor(field));
      else if (field.number === GRAPH.input) body.inputs.push(readPort(lengthDelimited(field)));
      else if (field.number === GRAPH.output) body.outputs.push(readPort(lengthDelimited(field)));
      else if (field.number === GRAPH.sparse) throw new Corrupt('a sparse tensor, which is not supported', field.offset);
      // Old exporters name each constant among the inputs, too.
      const portsMax = MODEL_LIMITS.graphPortsMaxCount + MODEL_LIMITS.graphTensorsMaxCount;
      if (body.inputs.length > portsMax || body.outputs.length > portsMax) throw new TooLarge('graphPortsMaxCount');
    }
    return body;
  }

  #node(message: Uint8Array<ArrayBuffer>, depth: number): OnnxNode {
    this.#nodes += 1;
    if (this.#nodes > MODEL_LIMITS.graphNodesMaxCount) throw new TooLarge('graphNodesMaxCount');
    const node = { operator: '', domain: '', name: '' };
    const lists = {
      inputs: [] as string[],
      outputs: [] as string[],
      branches: [] as OnnxBody[],
      attributes: new Map<string, OnnxAttribute>(),
      constants: [] as OnnxTensor[],
    };
    for (const field of fields(message)) {
      if (field.number === NODE.input) lists.inputs.push(text(field));
      else if (field.number === NODE.output) lists.outputs.push(text(field));
      else if (field.number === NODE.name) node.name = text(field);
      else if (field.number === NODE.operator) node.operator = text(field);
      else if (field.number === NODE.domain) node.domain = text(field);
      else if (field.number === NODE.attribute) this.#attribute(lengthDelimited(field), lists, depth);
      if (lists.inputs.length + lists.outputs.length > MODEL_LIMITS.graphTensorsMaxCount) throw new TooLarge('graphTensorsMaxCount');
    }
    return { ...node, ...lists };
  }

  #attribute(message: Uint8Array<ArrayBuffer>, { branches, attributes, constants }: AttributesRead, depth: number) {
    const [name, attribute] = readAttribute(message);
    if (attribute.count > 0 || attribute.text !== '') attributes.set(name, attribute);
    let single: number | undefined;
    for (const field of fields(message)) {
      const isTensor = field.number === ATTRIBUTE.tensor;
      if (isTensor || field.number === ATTRIBUTE.graph) {
        if (single === field.number) throw new Corrupt('an attribute that says its value twice', field.offset);
        single = field.number;
      }
      if (isTensor || field.number === ATTRIBUTE.tensors) constants.push(this.#tensor(field));
      else if (field.number === ATTRIBUTE.graph || field.number === ATTRIBUTE.graphs)
        branches.push(this.#body(lengthDelimited(field), depth + 1));
      else if (field.number === ATTRIBUTE.sparse || field.number === ATTRIBUTE.sparses)
        throw new Corrupt('a sparse tensor, which is not supported', field.offset);
    }
  }

  #tensor(field: Field): OnnxTensor {
    this.#tensors += 1;
    if (this.#tensors > MODEL_LIMITS.graphTensorsMaxCount) throw new TooLarge('graphTensorsMaxCount');
    return readTensor(lengthDelimited(field));
  }
}

function readOpset(message: Uint8Array<ArrayBuffer>): [domain: string, version: number] {
  let domain = '';
  let version = 0;
  for (const field of fields(message)) {
    if (field.number === OPSET.domain) domain = text(field);
    else if (field.number === OPSET.version) version = scalar(field);
  }
  return [domain, version];
}

function readPort(message: Uint8Array<ArrayBuffer>): OnnxPort {
  const port = { name: '', dataType: 0, shape: [] as (number | string)[] };
  for (const field of fields(message)) {
    if (field.number === PORT.name) port.name = text(field);
    else if (field.number === PORT.type) {
      for (const type of fields(lengthDelimited(field))) {
        if (type.number === TYPE.tensor) readTensorType(lengthDelimited(type), port);
      }
    }
  }
  return port;
}

function readTensorType(message: Uint8Array<ArrayBuffer>, port: { dataType: number; shape: (number | string)[] }): void {
  for (const field of fields(message)) {
    if (field.number === TENSOR_TYPE.element) port.dataType = scalar(field);
    else if (field.number === TENSOR_TYPE.shape) {
      for (const dim of fields(lengthDelimited(field))) {
        if (dim.number === SHAPE_DIM) port.shape.push(readDim(lengthDelimited(dim)));
        if (port.shape.length > MODEL_LIMITS.tensorRankMax)
          throw new Corrupt(`more than ${MODEL_LIMITS.tensorRankMax} dimensions`, dim.offset);
      }
    }
  }
}

/** The last of value and name that is said, as protobuf reads a `oneof`; an empty name: any number. */
function readDim(message: Uint8Array<ArrayBuffer>): number | string {
  let dim: number | string = '';
  for (const field of fields(message)) {
    if (field.number === DIM.value) dim = scalar(field);
    else if (field.number === DIM.name) dim = text(field);
  }
  return dim;
}
