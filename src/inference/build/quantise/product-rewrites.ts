import type { GraphNode, Replacement } from '../graph/onnx-graph.ts';
import { DATA_TYPE } from '../graph/onnx-graph.ts';
import { ReplacementBuilder } from '../graph/replacement-builder.ts';
import { groupsOf } from './group-codes.ts';
import type { CodedTensor } from './table-rewrites.ts';
import { packPairs } from './table-rewrites.ts';

/** Where `DynamicQuantizeLinear` entered the standard. */
const DYNAMIC_OPSET = 11;

/**
 * Replaces a product with a constant by one of integers: the input's range is measured at each run, the constant has a scale a column.
 * ONNX Runtime fuses the standard operators into one; a graph older than them gets that one, which is no part of the standard.
 * `weights` has a row for each column of the product.
 */
export function dynamicProduct(product: GraphNode, weights: CodedTensor, opset: number): Replacement {
  const { name, rows, shape, codes } = weights;
  const build = new ReplacementBuilder(product.outputs[0]!, name);
  const integers = build.constant('codes', DATA_TYPE.int8, [shape.columns, rows], fromRows(codes.codes, rows));
  const scales = build.constant('scales', DATA_TYPE.float32, [rows], codes.scales);
  const bias = product.inputs[2] ?? '';
  if (opset < DYNAMIC_OPSET) {
    const inputs = [product.inputs[0]!, integers, scales, '', bias];
    return build.finish(build.contribOp('DynamicQuantizeMatMul', bias === '' ? inputs.slice(0, 3) : inputs, 'product'));
  }
  const [input = '', inputScale = '', inputZero = ''] = build.manyOutputs(
    'DynamicQuantizeLinear',
    [product.inputs[0]!],
    ['input', 'input_scale', 'input_zero'],
  );
  const sums = build.toFloat(build.op('MatMulInteger', [input, integers, inputZero], 'sums'), 'sums_float');
  const scaled = build.op('Mul', [sums, build.op('Mul', [inputScale, scales], 'scale')], 'product');
  return build.finish(bias === '' ? scaled : build.op('Add', [scaled, bias], 'biased'));
}

/** Replaces a product with a constant by `MatMulNBits`, which needs ONNX Runtime: one scale a block of each column. */
export function blockProduct(product: GraphNode, weights: CodedTensor): Replacement {
  const { name, rows, shape, codes } = weights;
  const build = new ReplacementBuilder(product.outputs[0]!, name);
  const groups = groupsOf(shape);
  const zero = shape.bits === 8 ? 128 : 8;
  const unsigned = new Uint8Array(rows * groups * shape.group).fill(zero);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < shape.columns; column++)
      unsigned[row * groups * shape.group + column] = codes.codes[row * shape.columns + column]! + zero;
  const packed = shape.bits === 8 ? unsigned : packPairs(unsigned);
  const data = build.constant('codes', DATA_TYPE.uint8, [rows, groups, (shape.group * shape.bits) / 8], packed);
  const scales = build.constant('scales', DATA_TYPE.float32, [rows * groups], codes.scales);
  const attributes = { K: shape.columns, N: rows, bits: shape.bits, block_size: shape.group };
  const result = build.contribOp('MatMulNBits', [product.inputs[0]!, data, scales], 'product', attributes);
  const bias = product.inputs[2] ?? '';
  return build.finish(bias === '' ? result : build.op('Add', [result, bias], 'biased'));
}

/**
 * Keeps a constant of any operator as int8 and turns it back into floats in front of the operator, by standard operators of every version:
 * a quarter of the file, the same arithmetic. A runtime computes the floats once, when it loads the graph.
 * `isLast`: the channels, each with its scale, are the last dimension, else the first.
 */
export function storedConstant(
  node: GraphNode,
  coded: CodedTensor,
  { dims, isLast }: { readonly dims: readonly number[]; readonly isLast: boolean },
): Replacement {
  const { name, codes } = coded;
  const build = new ReplacementBuilder(node.outputs[0]!, name);
  const channels = codes.scales.length;
  const inOrder = isLast ? fromRows(codes.codes, channels) : codes.codes;
  const integers = build.constant('codes', DATA_TYPE.int8, dims, inOrder);
  const channelAt = isLast ? dims.length - 1 : 0;
  const scaleDims = dims.map((size, at) => (at === channelAt ? size : 1));
  const scales = build.constant('scales', DATA_TYPE.float32, scaleDims, codes.scales);
  const floats = build.op('Mul', [build.toFloat(integers, 'weights_float'), scales], 'weights');
  build.nodes.push({ ...node, inputs: node.inputs.map((input) => (input === name ? floats : input)) });
  return build;
}

/** The numbers of a tensor whose last axis becomes its first: a row for each channel. */
export function toRows<T extends Int8Array | Float32Array>(values: T, channels: number): T {
  const rows = values.slice() as T;
  const width = values.length / channels;
  for (let i = 0; i < values.length; i++) rows[(i % channels) * width + Math.floor(i / channels)] = values[i]!;
  return rows;
}

/** The inverse of `toRows`. */
function fromRows(rows: Int8Array, channels: number): Int8Array {
  const values = new Int8Array(rows.length);
  const width = rows.length / channels;
  for (let i = 0; i < values.length; i++) values[i] = rows[(i % channels) * width + Math.floor(i / channels)]!;
  return values;
}
