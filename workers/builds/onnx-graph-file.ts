import onnxProto from 'onnx-proto';

import type { GraphAttribute, GraphNode, GraphTensor, OnnxGraph } from '../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE, elementCount } from '../../src/inference/build/graph/onnx-graph.ts';

const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const { AttributeType } = AttributeProto;

/** Since this version constants need not be listed among the inputs, which rewriting relies on. */
const IR_VERSION_MIN = 4;

/** Of the release of operator set 17. */
const TOKEN_GRAPH_IR_VERSION = 8;

/** The bytes of tensors that lie in files beside the graph, by their name there. */
export type ExternalData = (location: string) => Uint8Array;

/** Reads an ONNX file as a graph of plain data. `Constant` nodes become constants. Throws when it is no ONNX file. */
export function readOnnxGraph(file: Uint8Array, external: ExternalData): OnnxGraph {
  const model = ModelProto.decode(file);
  if (model.graph === undefined || model.graph === null) throw new Error('it holds no graph');
  const graph = onnxProto.onnx.GraphProto.create(model.graph);
  const tensors = new Map(graph.initializer.map((tensor) => [tensor.name ?? '', tensorFrom(tensor, external)]));
  const nodes: GraphNode[] = [];
  for (const node of graph.node) {
    const value = node.opType === 'Constant' ? node.attribute?.find(({ name }) => name === 'value')?.t : undefined;
    if (value === undefined || value === null) nodes.push(nodeFrom(node));
    else tensors.set(node.output?.[0] ?? '', tensorFrom(value, external));
  }
  return {
    nodes,
    tensors,
    inputs: namesOf(graph.input).filter((name) => !tensors.has(name)),
    outputs: namesOf(graph.output),
    opsets: new Map(model.opsetImport.map(({ domain, version }) => [domain ?? '', Number(version)])),
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key ?? '', value ?? ''])),
    frame: model,
  };
}

const namesOf = (ports: readonly onnxProto.onnx.IValueInfoProto[]): string[] => ports.map(({ name }) => name ?? '');

/** Writes a graph that `readOnnxGraph` read, with what was changed. Its constants lie in the file itself. */
export function writeOnnxGraph({
  nodes,
  tensors,
  inputs,
  outputs,
  opsets,
  metadata,
  frame,
  isReshaped = false,
}: OnnxGraph): Uint8Array<ArrayBuffer> {
  const model = frame as onnxProto.onnx.ModelProto;
  const kept = new Set([...inputs, ...outputs]);
  const ports = (list: readonly onnxProto.onnx.IValueInfoProto[] | null | undefined) =>
    (list ?? []).filter(({ name }) => kept.has(name ?? ''));
  const written = ModelProto.create({
    producerName: model.producerName,
    producerVersion: model.producerVersion,
    domain: model.domain,
    modelVersion: model.modelVersion,
    docString: model.docString,
    functions: model.functions,
    irVersion: Math.max(IR_VERSION_MIN, Number(model.irVersion)),
    opsetImport: [...opsets].map(([domain, version]) => ({ domain, version })),
    metadataProps: [...metadata].map(([key, value]) => ({ key, value })),
    graph: {
      name: model.graph?.name ?? 'graph',
      docString: model.graph?.docString ?? '',
      input: ports(model.graph?.input),
      output: ports(model.graph?.output).map((port) => (isReshaped ? withoutShape(port) : port)),
      node: nodes.map(nodeTo),
      initializer: [...tensors].map(([name, { dims, dataType, bytes }]) => ({ name, dims: [...dims], dataType, rawData: bytes })),
    },
  });
  return new Uint8Array(ModelProto.encode(written).finish());
}

/** What a graph that comes from no ONNX file is written with: inputs of token ids and an output of vectors, of any number of texts and tokens. */
export const tokenGraphFrame = (inputs: readonly string[], output: string, dimensions: number): unknown => {
  const ofTokens = [{ dimParam: 'batch' }, { dimParam: 'sequence' }];
  return ModelProto.create({
    irVersion: TOKEN_GRAPH_IR_VERSION,
    producerName: 'sluice',
    graph: {
      name: 'encoder',
      input: inputs.map((name) => port(name, DATA_TYPE.int64, ofTokens)),
      output: [port(output, DATA_TYPE.float32, [...ofTokens, { dimValue: dimensions }])],
    },
  });
};

const port = (name: string, elemType: number, dim: onnxProto.onnx.TensorShapeProto.IDimension[]) => ({
  name,
  type: { tensorType: { elemType, shape: { dim } } },
});

/** The runtime finds the shape itself; a wrong one it refuses. */
const withoutShape = ({ name, type }: onnxProto.onnx.IValueInfoProto): onnxProto.onnx.IValueInfoProto => ({
  name: name ?? '',
  type: { tensorType: { elemType: type?.tensorType?.elemType ?? DATA_TYPE.float32 } },
});

function nodeFrom(node: onnxProto.onnx.INodeProto): GraphNode {
  return {
    opType: node.opType ?? '',
    domain: node.domain === 'ai.onnx' ? '' : (node.domain ?? ''),
    name: node.name ?? '',
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: (node.attribute ?? []).map(attributeFrom),
    captures: (node.attribute ?? []).flatMap(({ g, graphs }) => [g, ...(graphs ?? [])].flatMap((graph) => (graph ? namesRead(graph) : []))),
  };
}

/** Every name that a subgraph reads, its own included: a superset of what it takes from the graph around it. */
function namesRead(graph: onnxProto.onnx.IGraphProto): string[] {
  const ofNodes = (graph.node ?? []).map(nodeFrom).flatMap(({ inputs, captures }) => [...inputs, ...captures]);
  return [...ofNodes, ...(graph.output ?? []).map(({ name }) => name ?? '')];
}

function attributeFrom(attribute: onnxProto.onnx.IAttributeProto): GraphAttribute {
  const name = attribute.name ?? '';
  if (attribute.type === AttributeType.INT) return { name, int: Number(attribute.i ?? 0), encoded: attribute };
  if (attribute.type === AttributeType.INTS) return { name, ints: (attribute.ints ?? []).map(Number), encoded: attribute };
  if (attribute.type === AttributeType.FLOAT) return { name, float: attribute.f ?? 0, encoded: attribute };
  return { name, encoded: attribute };
}

function nodeTo({ opType, domain, name, inputs, outputs, attributes }: GraphNode): onnxProto.onnx.INodeProto {
  return { opType, domain, name, input: [...inputs], output: [...outputs], attribute: attributes.map(attributeTo) };
}

function attributeTo({ name, int, ints, float, encoded }: GraphAttribute): onnxProto.onnx.IAttributeProto {
  if (encoded !== undefined) return encoded as onnxProto.onnx.IAttributeProto;
  if (int !== undefined) return { name, type: AttributeType.INT, i: int };
  if (ints !== undefined) return { name, type: AttributeType.INTS, ints: [...ints] };
  return { name, type: AttributeType.FLOAT, f: float ?? 0 };
}

function tensorFrom(tensor: onnxProto.onnx.ITensorProto, external: ExternalData): GraphTensor {
  const dims = (tensor.dims ?? []).map(Number);
  const dataType = tensor.dataType ?? 0;
  if (tensor.dataLocation === TensorProto.DataLocation.EXTERNAL) return { dims, dataType, bytes: externalBytes(tensor, external) };
  if (tensor.rawData !== undefined && tensor.rawData !== null && tensor.rawData.length > 0)
    return { dims, dataType, bytes: plain(tensor.rawData) };
  return { dims, dataType, bytes: fieldBytes(tensor, elementCount(dims)) };
}

/** A `Buffer` slices without copying, which a plain array of bytes never does. */
const plain = ({ buffer, byteOffset, length }: Uint8Array): Uint8Array => new Uint8Array(buffer, byteOffset, length);

function externalBytes(tensor: onnxProto.onnx.ITensorProto, external: ExternalData): Uint8Array {
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
  const bytes = external(entries.get('location') ?? '');
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? bytes.length - offset);
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
    throw new Error(`the data of ${tensor.name ?? ''} end beyond their file`);
  return plain(bytes.subarray(offset, offset + length));
}

type NumbersField = (tensor: onnxProto.onnx.TensorProto) => ArrayBufferView;

const { BOOL, DOUBLE, FLOAT16 } = TensorProto.DataType;

/** The field of each type's numbers, as an array of that type. */
const FIELDS = new Map<number, NumbersField>([
  [DATA_TYPE.float32, ({ floatData }) => Float32Array.from(floatData)],
  [DATA_TYPE.int64, ({ int64Data }) => BigInt64Array.from(int64Data, (value) => BigInt(String(value)))],
  [DATA_TYPE.int32, ({ int32Data }) => Int32Array.from(int32Data)],
  [DATA_TYPE.int8, ({ int32Data }) => Int8Array.from(int32Data)],
  [DATA_TYPE.uint8, ({ int32Data }) => Uint8Array.from(int32Data)],
  [BOOL, ({ int32Data }) => Uint8Array.from(int32Data)],
  [FLOAT16, ({ int32Data }) => Uint16Array.from(int32Data)],
  [DOUBLE, ({ doubleData }) => Float64Array.from(doubleData)],
]);

/** The bytes of a tensor whose numbers lie in the field of their type, as `rawData` would hold them. */
function fieldBytes(tensor: onnxProto.onnx.ITensorProto, count: number): Uint8Array {
  if (count === 0) return new Uint8Array();
  const read = FIELDS.get(tensor.dataType ?? 0);
  if (read === undefined) throw new Error(`${tensor.name ?? ''} has numbers of type ${String(tensor.dataType)} outside its raw data`);
  const { buffer, byteOffset, byteLength } = read(TensorProto.create(tensor));
  return new Uint8Array(buffer, byteOffset, byteLength);
}
