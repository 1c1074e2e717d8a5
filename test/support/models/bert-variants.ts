import onnxProto from 'onnx-proto';

import { floats, integers, node } from './bert-graph.ts';

type Model = onnxProto.onnx.IModelProto;
type Node = onnxProto.onnx.INodeProto;

const { TensorProto } = onnxProto.onnx;
const { FLOAT, FLOAT16, INT64 } = TensorProto.DataType;

/** A graph with each node replaced by what is said of it; undefined: it stays. */
function rewritten(model: Model, change: (node: Node) => readonly Node[] | undefined, constants: readonly Tensor[] = []): Model {
  const { graph } = model;
  const nodes = graph!.node!.flatMap((one) => change(one) ?? [one]);
  return { ...model, graph: { ...graph, node: nodes, initializer: [...graph!.initializer!, ...constants] } };
}

type Tensor = onnxProto.onnx.ITensorProto;

const scalar = (name: string, value: number): Tensor => floats(name, [], Float32Array.of(value));

/** Layer normalisation as exporters write it before opset 17. */
export const withDecomposedNorms = (model: Model): Model =>
  rewritten(
    model,
    ({ opType, input, output }) => {
      if (opType !== 'LayerNormalization') return undefined;
      const [x, gain, bias] = input as [string, string, string];
      const [out = ''] = output ?? [];
      const at = (name: string) => `${out}/${name}`;
      return [
        node('ReduceMean', [x], at('mean'), { axes: [-1] }),
        node('Sub', [x, at('mean')], at('centred')),
        node('Pow', [at('centred'), 'square'], at('squares')),
        node('ReduceMean', [at('squares')], at('variance'), { axes: [-1] }),
        node('Add', [at('variance'), 'epsilon'], at('raised')),
        node('Sqrt', [at('raised')], at('deviation')),
        node('Div', [at('centred'), at('deviation')], at('normal')),
        node('Mul', [at('normal'), gain], at('scaled')),
        node('Add', [at('scaled'), bias], out),
      ];
    },
    [scalar('square', 2), scalar('epsilon', 1e-12)],
  );

/** Queries and keys that are scaled before their product, and weights that are watched for NaN, as torch's attention is exported. */
export const withScaledHeads = (model: Model, scale: number): Model =>
  rewritten(
    model,
    (one) => {
      const [out = ''] = one.output ?? [];
      const [layer, name] = out.split('/');
      const at = (suffix: string) => `${layer}/${suffix}`;
      if (name === 'scaled') return [node('Identity', [at('dot')], out)];
      if (name === 'query.first' || name === 'key.first')
        return [
          { ...one, name: at(`${name}.turned`), output: [at(`${name}.turned`)] },
          node('Mul', [at(`${name}.turned`), 'root.scale'], out),
        ];
      if (name !== 'attention') return undefined;
      return [
        { ...one, name: at('weights'), output: [at('weights')] },
        node('IsNaN', [at('weights')], at('is.nan')),
        node('Where', [at('is.nan'), 'nothing', at('weights')], out),
      ];
    },
    [scalar('root.scale', Math.sqrt(scale)), scalar('nothing', 0)],
  );

/** Positions that are counted as XLM-R does: from the one behind that of padding, which stays where it is. */
export const withXlmPositions = (model: Model, paddingId: number): Model =>
  rewritten(
    model,
    ({ output }) => {
      const [out = ''] = output ?? [];
      if (out !== 'position') return undefined;
      return [
        node('Equal', ['input_ids', 'padding.id'], 'is.padding'),
        node('Not', ['is.padding'], 'is.word'),
        node('Cast', ['is.word'], 'counted', { to: INT64 }),
        node('CumSum', ['counted', 'axis.of.tokens'], 'count'),
        node('Mul', ['count', 'counted'], 'places.from.one'),
        node('Add', ['places.from.one', 'padding.id'], 'places'),
        node('Gather', ['positions', 'places'], 'position'),
      ];
    },
    [
      { ...integers('padding.id', [paddingId]), dims: [] },
      { ...integers('axis.of.tokens', [1]), dims: [] },
    ],
  );

/** Another activation in place of the exact GELU. */
export const withActivation = (model: Model, kind: 'tanh' | 'relu'): Model =>
  rewritten(
    model,
    ({ output }) => {
      const [out = ''] = output ?? [];
      const [layer, name] = out.split('/');
      if (name !== 'gelu') return name === 'gelu.twice' ? [] : undefined;
      const at = (suffix: string) => `${layer}/${suffix}`;
      if (kind === 'relu') return [node('Relu', [at('up')], out)];
      return [
        node('Pow', [at('up'), 'three'], at('cube')),
        node('Mul', [at('cube'), 'cubic'], at('cube.scaled')),
        node('Add', [at('up'), at('cube.scaled')], at('tanh.sum')),
        node('Mul', [at('tanh.sum'), 'tanh.scale'], at('tanh.input')),
        node('Tanh', [at('tanh.input')], at('tanh')),
        node('Add', [at('tanh'), 'unit'], at('tanh.one')),
        node('Mul', ['half', at('tanh.one')], at('gate')),
        node('Mul', [at('up'), at('gate')], out),
      ];
    },
    [scalar('three', 3), scalar('cubic', 0.044715), scalar('tanh.scale', Math.sqrt(2 / Math.PI))],
  );

/** Norms with their sums, products with their factors, and GELU with its offsets as one operator each, as onnxruntime's optimiser writes them. */
export function withFusedOperators(model: Model): Model {
  const fused = (...made: Parameters<typeof node>): Node => ({ ...node(...made), domain: 'com.microsoft' });
  const sums = new Map(model.graph!.node!.map((one) => [one.output![0]!, one.input!]));
  const changed = rewritten(model, ({ opType, input, output }) => {
    const [out = ''] = output ?? [];
    const [layer, name] = out.split('/');
    const at = (suffix: string) => `${layer}/${suffix}`;
    if (opType === 'LayerNormalization' && input![0] !== 'sum') {
      const [x, skip] = sums.get(input![0]!)!;
      return [fused('SkipLayerNormalization', [x!, skip!, input![1]!, input![2]!], out, { epsilon: 1e-12 })];
    }
    if (name === 'scaled') return [fused('FusedMatMul', [at('query.first'), at('key.first')], out, { alpha: 0.25 })];
    if (name === 'gelu') return [fused('BiasGelu', [at('up.product'), `layer.${layer}.up.bias`], out)];
    return ['residual', 'end', 'dot', 'up', 'up.root', 'erf', 'erf.one', 'gelu.twice'].includes(name ?? '') ? [] : undefined;
  });
  return { ...changed, opsetImport: [...changed.opsetImport!, { domain: 'com.microsoft', version: 1 }] };
}

/** Tables of unsigned codes, which one scale and one zero point make numbers once their rows are picked, as onnxruntime's quantiser writes them. */
export function withUnsignedTables(model: Model): Model {
  const tables = new Map(['words', 'types'].map((name) => [name, model.graph!.initializer!.find((tensor) => tensor.name === name)!]));
  const changed = rewritten(
    model,
    (one) => {
      const [table = ''] = one.input ?? [];
      if (one.opType !== 'Gather' || !tables.has(table)) return undefined;
      const codes = `${table}.rows`;
      return [
        { ...one, name: codes, input: [`${table}.codes`, one.input![1]!], output: [codes] },
        node('DequantizeLinear', [codes, `${table}.scale`, `${table}.zero`], one.output![0]!),
      ];
    },
    [...tables].flatMap(([name, { dims, rawData }]) => {
      const values = new Float32Array(rawData!.slice().buffer);
      const scale = Math.fround((2 * Math.max(...values.map(Math.abs))) / 255);
      const codes = Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.round(value / scale) + ZERO)));
      return [
        { name: `${name}.codes`, dims: dims!, dataType: TensorProto.DataType.UINT8, rawData: codes },
        scalar(`${name}.scale`, scale),
        { name: `${name}.zero`, dims: [], dataType: TensorProto.DataType.UINT8, rawData: Uint8Array.of(ZERO) },
      ];
    }),
  );
  const initializer = changed.graph!.initializer!.filter(({ name }) => !tables.has(name!));
  return { ...changed, graph: { ...changed.graph, initializer } };
}

const ZERO = 120;

/** Products of codes that are found while they run with codes that have a scale and a zero point a column, as onnxruntime's quantiser writes them. */
export function withCodedProducts(model: Model): Model {
  const matrices = new Map(model.graph!.initializer!.map((tensor) => [tensor.name!, tensor]));
  const constants: Tensor[] = [];
  const changed = rewritten(model, ({ opType, input, output }) => {
    const [x = '', name = ''] = input ?? [];
    const matrix = matrices.get(name);
    if (opType !== 'MatMul' || matrix === undefined) return undefined;
    constants.push(...codedColumns(matrix));
    const [out = ''] = output ?? [];
    const at = (suffix: string) => `${out}/${suffix}`;
    const coded: Node = { ...node('DynamicQuantizeLinear', [x], at('codes')), output: [at('codes'), at('scale'), at('zero')] };
    return [
      coded,
      node('MatMulInteger', [at('codes'), `${name}.codes`, at('zero'), `${name}.zeros`], at('sums')),
      node('Cast', [at('sums')], at('sums.float'), { to: FLOAT }),
      node('Mul', [at('scale'), `${name}.scales`], at('scales')),
      node('Mul', [at('sums.float'), at('scales')], out),
    ];
  });
  return { ...changed, graph: { ...changed.graph, initializer: [...changed.graph!.initializer!, ...constants] } };
}

function codedColumns({ name, dims, rawData }: Tensor): Tensor[] {
  const [rows, columns] = dims!.map(Number) as [number, number];
  const values = new Float32Array(rawData!.slice().buffer);
  // Each column has a zero point of its own.
  const zeros = Int8Array.from({ length: columns }, (_, column) => (column % 41) - 20);
  const scales = new Float32Array(columns);
  for (const [i, value] of values.entries())
    scales[i % columns] = Math.max(scales[i % columns]!, Math.abs(value) / (127 - Math.abs(zeros[i % columns]!)));
  const codes = Int8Array.from(values, (value, i) => Math.round(value / scales[i % columns]!) + zeros[i % columns]!);
  const stored = (suffix: string, bytes: Int8Array, size: readonly number[]): Tensor => ({
    name: `${name}.${suffix}`,
    dims: [...size],
    dataType: TensorProto.DataType.INT8,
    rawData: new Uint8Array(bytes.buffer),
  });
  return [stored('codes', codes, [rows, columns]), stored('zeros', zeros, [columns]), floats(`${name}.scales`, [columns], scales)];
}

/** A graph in which a node reads another value, of the same dimensions, at a place. */
export const reading = (model: Model, output: string, at: number, value: string): Model =>
  rewritten(model, (one) => (one.output![0] === output ? [{ ...one, input: one.input!.with(at, value) }] : undefined));

/** Matrices that are stored turned, as torch's linear layers have them. */
export function withTurnedMatrices(model: Model): Model {
  const matrices = new Map(model.graph!.initializer!.map((tensor) => [tensor.name!, tensor]));
  const isProduct = ({ opType, input }: Node) => opType === 'MatMul' && matrices.has(input![1]!);
  const turned = rewritten(model, (one) =>
    isProduct(one)
      ? [
          node('Transpose', [one.input![1]!], `${one.input![1]!}.turned`, { perm: [1, 0] }),
          { ...one, input: [one.input![0]!, `${one.input![1]!}.turned`] },
        ]
      : undefined,
  );
  const names = new Set(model.graph!.node!.filter(isProduct).map(({ input }) => input![1]!));
  const initializer = turned.graph!.initializer!.map((tensor) => (names.has(tensor.name!) ? transposed(tensor) : tensor));
  return { ...turned, graph: { ...turned.graph, initializer } };
}

function transposed({ name, dims, rawData }: Tensor): Tensor {
  const [rows, columns] = dims!.map(Number) as [number, number];
  const values = new Float32Array(rawData!.slice().buffer);
  return floats(
    name!,
    [columns, rows],
    Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!),
  );
}

/** Floats of 16 bits in the file, and of 32 where they are computed with. */
export function withHalfMatrices(model: Model): Model {
  const halves = new Set(model.graph!.initializer!.filter(({ dims }) => dims!.length === 2).map(({ name }) => name!));
  const casts = [...halves].map((name) => node('Cast', [`${name}.half`], name, { to: FLOAT }));
  const initializer = model.graph!.initializer!.map((tensor) => (halves.has(tensor.name!) ? half(tensor) : tensor));
  return { ...model, graph: { ...model.graph, node: [...casts, ...model.graph!.node!], initializer } };
}

function half({ name, dims, rawData }: Tensor): Tensor {
  const values = new Float32Array(rawData!.slice().buffer);
  return { name: `${name}.half`, dims: dims!, dataType: FLOAT16, rawData: new Uint8Array(Uint16Array.from(values, halfBits).buffer) };
}

/** The float of 16 bits that is nearest to zero of the two next to a number below 4. */
function halfBits(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 2 ** -14)));
  const fraction = Math.floor((Math.abs(value) / 2 ** exponent) * 1_024);
  return (value < 0 ? 0x8000 : 0) | (fraction < 1_024 ? fraction : ((exponent + 15) << 10) | (fraction - 1_024));
}
