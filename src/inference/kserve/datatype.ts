import { DATATYPES } from '../../contract/models/kserve.ts';
import type { TensorData, TensorType } from '../tensor.ts';

/** What the names of the wire are in ONNX. */
export const TYPES: Readonly<Record<Datatype, TensorType>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

export type Datatype = (typeof DATATYPES)[number];

const BY_TYPE = Object.fromEntries(DATATYPES.map((datatype) => [TYPES[datatype], datatype])) as Record<TensorType, Datatype>;

export const datatypeOf = (type: TensorType): Datatype => BY_TYPE[type];

type NumberArray = Exclude<TensorData, string[] | BigInt64Array | BigUint64Array>;

/** What makes the values of tensors of numbers, and how wide one is; `least` and `most` bound whole numbers, inclusively. */
interface NumberKind {
  readonly bytes: number;
  readonly make: (buffer: ArrayBuffer) => NumberArray;
  readonly least?: number;
  readonly most?: number;
}

export const NUMBER_KINDS: Readonly<Record<Exclude<TensorType, 'string' | 'int64' | 'uint64'>, NumberKind>> = {
  bool: { bytes: 1, make: (buffer) => new Uint8Array(buffer), least: 0, most: 1 },
  uint8: { bytes: 1, make: (buffer) => new Uint8Array(buffer), least: 0, most: 255 },
  uint16: { bytes: 2, make: (buffer) => new Uint16Array(buffer), least: 0, most: 65_535 },
  uint32: { bytes: 4, make: (buffer) => new Uint32Array(buffer), least: 0, most: 2 ** 32 - 1 },
  int8: { bytes: 1, make: (buffer) => new Int8Array(buffer), least: -128, most: 127 },
  int16: { bytes: 2, make: (buffer) => new Int16Array(buffer), least: -32_768, most: 32_767 },
  int32: { bytes: 4, make: (buffer) => new Int32Array(buffer), least: -(2 ** 31), most: 2 ** 31 - 1 },
  float32: { bytes: 4, make: (buffer) => new Float32Array(buffer) },
  float64: { bytes: 8, make: (buffer) => new Float64Array(buffer) },
};

/** Bytes of one number; undefined for strings, each of which has its own length. */
export const elementBytes = (type: TensorType): number | undefined =>
  type === 'string' ? undefined : type === 'int64' || type === 'uint64' ? 8 : NUMBER_KINDS[type].bytes;
