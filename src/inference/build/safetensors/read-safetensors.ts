import { err, ok } from '../../../kernel/result.ts';
import type { Result } from '../../../kernel/result.ts';
import type { JsonRecord } from '../../text/config-json.ts';
import { isRecord } from '../../text/config-json.ts';
import type { GraphTensor } from '../graph/onnx-graph.ts';
import { DATA_TYPE, elementCount, tensorOf } from '../graph/onnx-graph.ts';

const LENGTH_BYTES = 8;

/** How each type of number becomes float32, if it is one of floats. */
const TYPES: ReadonlyMap<unknown, { readonly bytes: number; readonly toFloat?: (bytes: Uint8Array) => Uint8Array }> = new Map([
  ['F32', { bytes: 4, toFloat: (bytes: Uint8Array) => bytes }],
  ['F16', { bytes: 2, toFloat: (bytes: Uint8Array) => widened(bytes, halfToFloat) }],
  ['BF16', { bytes: 2, toFloat: (bytes: Uint8Array) => widened(bytes, brainToFloat) }],
  ['F64', { bytes: 8 }],
  ['I64', { bytes: 8 }],
  ['I32', { bytes: 4 }],
  ['I16', { bytes: 2 }],
  ['I8', { bytes: 1 }],
  ['U8', { bytes: 1 }],
  ['BOOL', { bytes: 1 }],
]);

/**
 * The float tensors of a file in the format of safetensors, by their names, as float32: a length of 8 bytes, a header in JSON, and numbers end to end.
 * Tensors of whole numbers are left out: they are counters that no encoder computes with. Refuses, with the reason, what does not lie in the file. [MB20]
 */
export function readSafetensors(file: Uint8Array): Result<ReadonlyMap<string, GraphTensor>, string> {
  const header = headerOf(file);
  if (!header.ok) return header;
  const { entries, data } = header.value;
  const tensors = new Map<string, GraphTensor>();
  for (const [name, entry] of Object.entries(entries)) {
    if (name === '__metadata__') continue;
    const place = placeOf(entry, data.length);
    if (place === undefined) return err(`the place of ${name} is not in the file, or its size is not that of its shape`);
    const bytes = place.toFloat?.(data.subarray(place.from, place.to));
    if (bytes !== undefined) tensors.set(name, tensorOf(DATA_TYPE.float32, place.dims, bytes));
  }
  return ok(tensors);
}

function headerOf(file: Uint8Array): Result<{ readonly entries: JsonRecord; readonly data: Uint8Array }, string> {
  if (file.length < LENGTH_BYTES) return err('it is shorter than its header');
  const length = Number(new DataView(file.buffer, file.byteOffset, LENGTH_BYTES).getBigUint64(0, true));
  if (length > file.length - LENGTH_BYTES) return err('its header does not end within it');
  const data = file.subarray(LENGTH_BYTES + length);
  try {
    const entries: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(file.subarray(LENGTH_BYTES, LENGTH_BYTES + length)),
    );
    if (isRecord(entries)) return ok({ entries, data });
  } catch {
    // Answered as below.
  }
  return err('its header is no JSON object');
}

interface Place {
  readonly dims: readonly number[];
  readonly from: number;
  readonly to: number;
  /** Absent: its numbers are no floats that are read. */
  readonly toFloat?: (bytes: Uint8Array) => Uint8Array;
}

/** Undefined: the entry fits no part of the file. */
function placeOf(entry: unknown, bytes: number): Place | undefined {
  if (!isRecord(entry)) return undefined;
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = TYPES.get(dtype);
  if (type === undefined || !isSizes(shape) || !isSizes(offsets)) return undefined;
  const [from = 0, to = 0] = offsets;
  if (offsets.length !== 2 || to > bytes || to - from !== elementCount(shape) * type.bytes) return undefined;
  return { dims: shape, from, to, ...(type.toFloat === undefined ? {} : { toFloat: type.toFloat }) };
}

const isSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && Number(size) >= 0);

function widened(bytes: Uint8Array, toFloat: (code: number) => number): Uint8Array {
  const codes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = Float32Array.from({ length: bytes.byteLength / 2 }, (_, i) => toFloat(codes.getUint16(2 * i, true)));
  return new Uint8Array(floats.buffer);
}

/** IEEE 754 binary16: 5 bits of exponent, 10 of fraction. */
function halfToFloat(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(code >> 10) & 0x1f, code & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const BITS = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function brainToFloat(code: number): number {
  BITS.setUint32(0, code << 16);
  return BITS.getFloat32(0);
}
