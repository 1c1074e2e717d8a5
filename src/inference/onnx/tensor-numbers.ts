import { floats, lengthDelimited, fields, signedIntegers } from './protobuf-reader.ts';
import type { OnnxTensor } from './onnx-tensor.ts';

/** Bytes of a number, by TensorProto.DataType: those that weights, scales, sizes and masks have. */
const WIDTHS: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 1],
  [3, 1],
  [6, 4],
  [7, 8],
  [9, 1],
  [10, 2],
  [11, 8],
  [16, 2],
]);

/** Undefined: numbers of a type that is not read here. */
export const bytesPerNumber = (dataType: number): number | undefined => WIDTHS.get(dataType);

/** Number `at` of little-endian bytes of a type. Whole numbers past 2^53 lose low bits. */
export function numberAt(dataType: number, view: DataView, at: number): number {
  switch (dataType) {
    case 1:
      return view.getFloat32(at * 4, true);
    case 2:
    case 9:
      return view.getUint8(at);
    case 3:
      return view.getInt8(at);
    case 6:
      return view.getInt32(at * 4, true);
    case 7:
      return Number(view.getBigInt64(at * 8, true));
    case 10:
      return halfOf(view.getUint16(at * 2, true));
    case 11:
      return view.getFloat64(at * 8, true);
    default:
      return bfloatOf(view.getUint16(at * 2, true));
  }
}

/** A float of 16 bits as IEEE 754 has it. */
export function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The first half of a float of 32 bits. */
export function bfloatOf(bits: number): number {
  word.setUint32(0, bits * 65_536);
  return word.getFloat32(0);
}

/** All numbers of a constant in the file; undefined: it is elsewhere, or of a type that is not read here. Throws `Corrupt`. */
export function tensorNumbers({ dataType, stored }: OnnxTensor): Float64Array<ArrayBuffer> | undefined {
  const width = bytesPerNumber(dataType);
  if (width === undefined || stored.kind === 'external') return undefined;
  if (stored.kind === 'raw') return rawNumbers(dataType, stored.bytes);
  const numbers = [...listedNumbers(stored.message)];
  if (dataType === 10) return Float64Array.from(numbers, halfOf);
  return Float64Array.from(dataType === 16 ? numbers.map(bfloatOf) : numbers);
}

export function rawNumbers(dataType: number, bytes: Uint8Array): Float64Array<ArrayBuffer> {
  const width = bytesPerNumber(dataType) ?? 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => numberAt(dataType, view, i));
}

// Field numbers of TensorProto in onnx.proto.
const FLOATS = 4;
const INT32S = 5;
const INT64S = 7;
const DOUBLES = 10;

function* listedNumbers(message: Uint8Array<ArrayBuffer>): Generator<number> {
  for (const field of fields(message)) {
    if (field.number === FLOATS) yield* floats(lengthDelimited(field));
    else if (field.number === INT32S || field.number === INT64S) yield* signedIntegers(field, message);
    else if (field.number === DOUBLES) yield* rawNumbers(11, lengthDelimited(field));
  }
}
