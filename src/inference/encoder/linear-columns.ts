import type { OnnxTensor } from '../onnx/onnx-tensor.ts';
import { numberAt, tensorNumbers } from '../onnx/tensor-numbers.ts';
import type { LinearSource } from './encoder-source.ts';
import type { MatchedLinear, NumbersOrTensor } from './graph/matched-encoder.ts';
import type { WeightFiles } from './weight-files.ts';
import { tensorBytes, vectorOf } from './weight-files.ts';

/** What adds to a code to make it signed, by TensorProto.DataType; undefined: these are floats. */
const SIGNED: ReadonlyMap<number, number> = new Map([
  [2, -128],
  [3, 0],
]);

/** Reads the weights of a product into memory. */
export async function readLinear(linear: MatchedLinear, files: WeightFiles): Promise<LinearSource> {
  const { codes, isTransposed, scale } = linear;
  const [first = 0, second = 0] = codes.dims;
  const [inputs, outputs] = isTransposed ? [second, first] : [first, second];
  const bias = new Float32Array(outputs);
  for (const tensor of linear.biases) {
    const addend = await vectorOf(tensor, files);
    for (const [i, value] of addend.entries()) bias[i]! += value;
  }
  const numberOf = await readerOf(codes, files);
  const [scales, zeros] = [await columnsOf(linear.scales, files, 1), await columnsOf(linear.zeros, files, 0)];
  const signed = SIGNED.get(codes.dataType);
  const placeOf = isTransposed
    ? (input: number, output: number) => output * inputs + input
    : (input: number, output: number) => input * outputs + output;
  const readColumn: LinearSource['readColumn'] =
    signed === undefined
      ? (output, into) => ({ scale: scale * quantised(inputs, (input) => numberOf(placeOf(input, output)), into), zero: 0 })
      : (output, into) => {
          for (let input = 0; input < inputs; input += 1) into[input] = numberOf(placeOf(input, output)) + signed;
          return { scale: scale * scales(output), zero: zeros(output) + signed };
        };
  return { inputs, outputs, bias, readColumn };
}

/** The numbers of a tensor by their places. */
async function readerOf(tensor: OnnxTensor, files: WeightFiles): Promise<(at: number) => number> {
  const { dataType } = tensor;
  if (tensor.stored.kind === 'listed') {
    const numbers = tensorNumbers(tensor)!;
    return (at) => numbers[at]!;
  }
  const bytes = await tensorBytes(tensor, files);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dataType === 3) {
    const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return (at) => codes[at]!;
  }
  return dataType === 2 ? (at) => bytes[at]! : (at) => numberAt(dataType, view, at);
}

async function columnsOf(given: NumbersOrTensor | undefined, files: WeightFiles, otherwise: number): Promise<(column: number) => number> {
  const numbers = given === undefined ? [otherwise] : 'numbers' in given ? given.numbers : await vectorOf(given.tensor, files);
  return numbers.length === 1 ? () => numbers[0]! : (column) => numbers[column]!;
}

/** The largest code of a symmetric quantiser: a code and its negation both exist. */
const CODE_MAX = 127;

/** Writes the codes of so many numbers, and answers their scale. */
export function quantised(count: number, numberOf: (at: number) => number, codes: Int8Array | Uint8Array): number {
  let largest = 0;
  for (let at = 0; at < count; at += 1) largest = Math.max(largest, Math.abs(numberOf(at)));
  const scale = Math.fround(largest / CODE_MAX);
  if (scale === 0 || !Number.isFinite(scale)) {
    codes.fill(0, 0, count);
    return scale;
  }
  for (let at = 0; at < count; at += 1) codes[at] = Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(numberOf(at) / scale)));
  return scale;
}
