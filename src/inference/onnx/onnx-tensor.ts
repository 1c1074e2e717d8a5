import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { TensorType } from '../tensor.ts';
import { NUMBERS_KEPT_MAX } from './onnx-attribute.ts';
import { Corrupt, decoded, fields, floats, integers, lengthDelimited, scalar, signedIntegers, text } from './protobuf-reader.ts';
import type { Field } from './protobuf-reader.ts';

/** A constant of a graph. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly stored: StoredValues;
}

/** Where the numbers of a constant are: little-endian bytes, numbers one by one, or bytes of another file. */
export type StoredValues =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** `numbers`: all of them, if they are few and of these: int32, int64, float. `message`: the tensor as the file has it. */
  | {
      readonly kind: 'listed';
      readonly count: number;
      readonly numbers: readonly number[];
      readonly message: Uint8Array<ArrayBuffer>;
    }
  | ExternalValues;

export interface ExternalValues {
  readonly kind: 'external';
  readonly location: string;
  readonly offset: number;
  readonly bytes: number | undefined;
}

interface ElementType {
  readonly bits: number;
  /** Absent: of weights only, not of what goes in or comes out. */
  readonly type?: TensorType;
}

/** TensorProto.DataType. Strings have no fixed size. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, { bits: 32, type: 'float32' }],
  [2, { bits: 8, type: 'uint8' }],
  [3, { bits: 8, type: 'int8' }],
  [4, { bits: 16, type: 'uint16' }],
  [5, { bits: 16, type: 'int16' }],
  [6, { bits: 32, type: 'int32' }],
  [7, { bits: 64, type: 'int64' }],
  [8, { bits: 0, type: 'string' }],
  [9, { bits: 8, type: 'bool' }],
  [10, { bits: 16 }],
  [11, { bits: 64, type: 'float64' }],
  [12, { bits: 32, type: 'uint32' }],
  [13, { bits: 64, type: 'uint64' }],
  [16, { bits: 16 }],
  [17, { bits: 8 }],
  [18, { bits: 8 }],
  [19, { bits: 8 }],
  [20, { bits: 8 }],
  [21, { bits: 4 }],
  [22, { bits: 4 }],
  [23, { bits: 4 }],
]);

const DATA_TYPES = new Map([...ELEMENT_TYPES].map(([dataType, { type }]) => [type, dataType]));

/** TensorProto.DataType of what goes into a graph. */
export const dataTypeOf = (type: TensorType): number => DATA_TYPES.get(type) ?? 0;

export const elementType = (dataType: number): ElementType | undefined => ELEMENT_TYPES.get(dataType);

// Field numbers of TensorProto in onnx.proto.
const TENSOR = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floats: 4,
  int32s: 5,
  strings: 6,
  int64s: 7,
  name: 8,
  raw: 9,
  external: 13,
  location: 14,
};
/** Bytes of one number in a packed list; zero: as many as it needs. */
const LISTS: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [5, 0],
  [7, 0],
  [10, 8],
  [11, 0],
]);
const EXTERNAL = 1;
const ENTRY = { key: 1, value: 2 };

/** Throws `Corrupt`. */
export function readTensor(message: Uint8Array<ArrayBuffer>): OnnxTensor {
  const dims: number[] = [];
  const entries = new Map<string, string>();
  const list = { count: 0, numbers: [] as number[] };
  let [name, dataType, location] = ['', 0, 0];
  let raw: Uint8Array<ArrayBuffer> | undefined;
  for (const field of fields(message)) {
    if (LISTS.has(field.number) || field.number === TENSOR.strings) readList(field, message, list);
    else if (field.number === TENSOR.dims) {
      for (const dim of integers(field)) {
        if (dims.push(dim) > MODEL_LIMITS.tensorRankMax)
          throw new Corrupt(`more than ${MODEL_LIMITS.tensorRankMax} dimensions`, field.offset);
      }
    } else if (field.number === TENSOR.dataType) dataType = scalar(field);
    else if (field.number === TENSOR.name) name = text(field);
    else if (field.number === TENSOR.raw) raw = lengthDelimited(field);
    else if (field.number === TENSOR.external) {
      const [key, value] = readEntry(lengthDelimited(field));
      entries.set(key, decoded(value));
    } else if (field.number === TENSOR.location) location = scalar(field);
    else if (field.number === TENSOR.segment) throw new Corrupt('a tensor in segments', field.offset);
  }
  if (location === EXTERNAL) return { name, dims, dataType, stored: externalValues(entries) };
  return { name, dims, dataType, stored: raw === undefined ? { kind: 'listed', ...list, message } : { kind: 'raw', bytes: raw } };
}

/** Counts the numbers of a field, and keeps them while they are few. */
function readList(field: Field, message: Uint8Array<ArrayBuffer>, list: { count: number; numbers: number[] }): void {
  list.count += field.number === TENSOR.strings ? 1 : countOf(field.value, LISTS.get(field.number) ?? 0);
  if (list.count <= NUMBERS_KEPT_MAX) list.numbers.push(...numbersOf(field, message));
  else list.numbers = [];
}

/** Numbers of a list, of the kinds that sizes and factors are stored in. */
function* numbersOf(field: Field, message: Uint8Array<ArrayBuffer>): Generator<number> {
  if (field.number === TENSOR.int32s || field.number === TENSOR.int64s) yield* signedIntegers(field, message);
  else if (field.number === TENSOR.floats) yield* floats(lengthDelimited(field));
}

function externalValues(entries: ReadonlyMap<string, string>): ExternalValues {
  const bytes = entries.get('length');
  return {
    kind: 'external',
    location: entries.get('location') ?? '',
    offset: Number(entries.get('offset') ?? 0),
    bytes: bytes === undefined ? undefined : Number(bytes),
  };
}

/** How many numbers a field of a list holds: alone, or packed. */
function countOf(value: number | Uint8Array, width: number): number {
  if (typeof value === 'number') return 1;
  if (width > 0) return Math.floor(value.length / width);
  // The last byte of each number has its top bit clear.
  return value.reduce((count, byte) => count + (byte < 0x80 ? 1 : 0), 0);
}

/** A pair of names or texts of a file, the second as it lies there. Throws `Corrupt`. */
export function readEntry(message: Uint8Array<ArrayBuffer>): [key: string, value: Uint8Array<ArrayBuffer>] {
  let [key, value] = ['', message.subarray(0, 0)];
  for (const field of fields(message)) {
    if (field.number === ENTRY.key) key = text(field);
    else if (field.number === ENTRY.value) value = lengthDelimited(field);
  }
  return [key, value];
}
