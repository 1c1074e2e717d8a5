import onnxProto from 'onnx-proto';

import type { BertShape, Weights } from './bert-weights.ts';

const { ModelProto, TensorProto, AttributeProto } = onnxProto.onnx;
const { FLOAT, INT64 } = TensorProto.DataType;
const TYPE = AttributeProto.AttributeType;
const OPSET = 17;

type Node = onnxProto.onnx.INodeProto;
type Tensor = onnxProto.onnx.ITensorProto;

export const floats = (name: string, dims: number[], values: Float32Array): Tensor => ({
  name,
  dataType: FLOAT,
  dims,
  rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

export const integers = (name: string, values: readonly number[]): Tensor => ({
  name,
  dataType: INT64,
  dims: [values.length],
  rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});

export const port = (name: string, elemType: number, dims: readonly (number | string)[]) => ({
  name,
  type: { tensorType: { elemType, shape: { dim: dims.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })) } } },
});

export const node = (
  opType: string,
  input: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Node => ({
  opType,
  name: output,
  input: [...input],
  output: [output],
  attribute: Object.entries(attributes).map(([name, value]) => {
    if (typeof value !== 'number') return { name, type: TYPE.INTS, ints: [...value] };
    return Number.isInteger(value) ? { name, type: TYPE.INT, i: value } : { name, type: TYPE.FLOAT, f: value };
  }),
});

export const encodeModel = (model: onnxProto.onnx.IModelProto): Uint8Array<ArrayBuffer> =>
  new Uint8Array(ModelProto.encode(ModelProto.create(model)).finish());

/** A model of one graph, in the operators of the standard domain. */
export const modelOf = (graph: onnxProto.onnx.IGraphProto): onnxProto.onnx.IModelProto => ({
  irVersion: 8,
  producerName: 'sluice-tests',
  opsetImport: [{ domain: '', version: OPSET }],
  graph: { name: 'graph', ...graph },
});

/** A BERT encoder as exporters write it: three inputs of token ids, and the hidden states of the last layer, or `logits` of its head. */
export function bertModel(shape: BertShape, weights: Weights): onnxProto.onnx.IModelProto {
  const { hidden, heads, layers } = shape;
  const nodes: Node[] = [
    node('Gather', ['words', 'input_ids'], 'word'),
    node('Gather', ['types', 'token_type_ids'], 'type'),
    node('Shape', ['input_ids'], 'shape'),
    node('Slice', ['shape', 'one', 'two', 'zero'], 'length'),
    node('Slice', ['positions', 'zero', 'length', 'zero'], 'position'),
    node('Add', ['word', 'type'], 'word_type'),
    node('Add', ['word_type', 'position'], 'sum'),
    normalised('norm', 'sum', 'state.0'),
    node('Cast', ['attention_mask'], 'mask', { to: FLOAT }),
    node('Sub', ['unit', 'mask'], 'padding'),
    node('Mul', ['padding', 'far'], 'padding_far'),
    node('Unsqueeze', ['padding_far', 'head_axes'], 'bias'),
  ];
  const linear = (name: string, input: string, output: string) =>
    nodes.push(node('MatMul', [input, name], `${output}.product`), node('Add', [`${output}.product`, `${name}.bias`], output));
  for (let layer = 0; layer < layers; layer += 1) {
    const at = (name: string) => `${layer}/${name}`;
    const state = `state.${layer}`;
    for (const part of ['query', 'key', 'value']) {
      linear(`layer.${layer}.${part}`, state, at(part));
      nodes.push(
        node('Reshape', [at(part), 'split'], at(`${part}.heads`)),
        node('Transpose', [at(`${part}.heads`)], at(`${part}.first`), { perm: part === 'key' ? [0, 2, 3, 1] : [0, 2, 1, 3] }),
      );
    }
    nodes.push(
      node('MatMul', [at('query.first'), at('key.first')], at('dot')),
      node('Mul', [at('dot'), 'scale'], at('scaled')),
      node('Add', [at('scaled'), 'bias'], at('masked')),
      node('Softmax', [at('masked')], at('attention'), { axis: -1 }),
      node('MatMul', [at('attention'), at('value.first')], at('context')),
      node('Transpose', [at('context')], at('context.back'), { perm: [0, 2, 1, 3] }),
      node('Reshape', [at('context.back'), 'join'], at('context.joined')),
    );
    linear(`layer.${layer}.output`, at('context.joined'), at('output'));
    nodes.push(
      node('Add', [at('output'), state], at('residual')),
      normalised(`layer.${layer}.attention.norm`, at('residual'), at('middle')),
    );
    linear(`layer.${layer}.up`, at('middle'), at('up'));
    nodes.push(
      node('Div', [at('up'), 'root'], at('up.root')),
      node('Erf', [at('up.root')], at('erf')),
      node('Add', [at('erf'), 'unit'], at('erf.one')),
      node('Mul', [at('up'), at('erf.one')], at('gelu.twice')),
      node('Mul', [at('gelu.twice'), 'half'], at('gelu')),
    );
    linear(`layer.${layer}.down`, at('gelu'), at('down'));
    nodes.push(node('Add', [at('down'), at('middle')], at('end')), normalised(`layer.${layer}.norm`, at('end'), `state.${layer + 1}`));
  }
  const last = `state.${layers}`;
  if (shape.labels === undefined) nodes.push(node('Identity', [last], 'last_hidden_state'));
  else {
    nodes.push(node('Gather', [last, 'first'], 'pooled', { axis: 1 }));
    linear('head', 'pooled', 'logits');
  }
  const tokens = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => port(name, INT64, ['batch', 'sequence']));
  const scalar = (name: string, value: number) => floats(name, [], Float32Array.of(value));
  return modelOf({
    node: nodes,
    input: tokens,
    output: [
      shape.labels === undefined
        ? port('last_hidden_state', FLOAT, ['batch', 'sequence', hidden])
        : port('logits', FLOAT, ['batch', shape.labels]),
    ],
    initializer: [
      ...[...weights].map(([name, { rows, columns, values }]) => floats(name, rows === 1 ? [columns] : [rows, columns], values)),
      integers('zero', [0]),
      integers('one', [1]),
      integers('two', [2]),
      integers('head_axes', [1, 2]),
      integers('split', [0, 0, heads, hidden / heads]),
      integers('join', [0, 0, hidden]),
      ...(shape.labels === undefined
        ? []
        : [{ name: 'first', dataType: INT64, dims: [], rawData: new Uint8Array(BigInt64Array.of(0n).buffer) }]),
      scalar('scale', 1 / Math.sqrt(hidden / heads)),
      scalar('unit', 1),
      scalar('half', 0.5),
      scalar('root', Math.SQRT2),
      scalar('far', -1e9),
    ],
  });
}

const normalised = (name: string, input: string, output: string): Node =>
  node('LayerNormalization', [input, `${name}.scale`, `${name}.bias`], output, { axis: -1, epsilon: 1e-12 });
