import type { Result } from '../kernel/result.ts';
import { err, ok } from '../kernel/result.ts';

/** TensorProto.DataType, the values this project writes. */
export const ONNX_FLOAT32 = 1;
export const ONNX_INT8 = 3;

/** A constant tensor of the graph. `bytes` is a view into the file: little-endian, row-major, not aligned. */
export interface OnnxInitialiser {
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a reader of weights needs of an ONNX file. Nothing is copied. */
export interface OnnxFile {
  readonly initialisers: ReadonlyMap<string, OnnxInitialiser>;
  readonly metadata: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** `offset` is the byte of the buffer at which the file stopped making sense. */
export interface OnnxFileError {
  readonly kind: 'corrupt_onnx_file';
  readonly reason: string;
  readonly offset: number;
}

// Field numbers of onnx.proto.
const MODEL_GRAPH = 7;
const MODEL_METADATA = 14;
const GRAPH_INITIALISER = 5;
const TENSOR_DIMS = 1;
const TENSOR_DATA_TYPE = 2;
const TENSOR_NAME = 8;
const TENSOR_RAW_DATA = 9;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;

/** Finds the initialisers (those stored as `raw_data`) and the metadata of an ONNX file. */
export function readOnnxFile(bytes: Uint8Array<ArrayBuffer>): Result<OnnxFile, OnnxFileError> {
  const initialisers = new Map<string, OnnxInitialiser>();
  const metadata = new Map<string, Uint8Array<ArrayBuffer>>();
  try {
    for (const field of fields(bytes)) {
      if (field.number === MODEL_GRAPH) {
        for (const inner of fields(lengthDelimited(field))) {
          if (inner.number !== GRAPH_INITIALISER) continue;
          const [name, tensor] = readTensor(lengthDelimited(inner));
          initialisers.set(name, tensor);
        }
      } else if (field.number === MODEL_METADATA) {
        const [key, value] = readEntry(lengthDelimited(field));
        metadata.set(key, value);
      }
    }
  } catch (error) {
    if (error instanceof Corrupt) return err({ kind: 'corrupt_onnx_file', reason: error.message, offset: error.offset });
    throw error;
  }
  return ok({ initialisers, metadata });
}

/** Unwinds the nested readers; never leaves this file. */
class Corrupt extends Error {
  readonly offset: number;
  constructor(reason: string, offset: number) {
    super(reason);
    this.offset = offset;
  }
}

/** One field of a protobuf message: a number for the scalar wire types, a view for the length-delimited one. */
interface Field {
  readonly number: number;
  readonly value: number | Uint8Array<ArrayBuffer>;
  readonly offset: number;
}

const WIRE_VARINT = 0;
const WIRE_64_BIT = 1;
const WIRE_LENGTH = 2;
const WIRE_32_BIT = 5;

function* fields(message: Uint8Array<ArrayBuffer>): Generator<Field> {
  const cursor = new Cursor(message);
  while (!cursor.atEnd) {
    const offset = cursor.offset;
    const key = cursor.varint();
    const number = Math.floor(key / 8);
    if (number === 0) throw new Corrupt('field number 0', offset);
    yield { number, value: cursor.payload(key % 8), offset };
  }
}

class Cursor {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Offset in the whole buffer, whichever nested message this cursor reads. */
  get offset(): number {
    return this.#bytes.byteOffset + this.#at;
  }

  payload(wireType: number): number | Uint8Array<ArrayBuffer> {
    switch (wireType) {
      case WIRE_VARINT:
        return this.varint();
      case WIRE_LENGTH:
        return this.#take(this.varint());
      case WIRE_64_BIT:
        return this.#take(8);
      case WIRE_32_BIT:
        return this.#take(4);
      default:
        throw new Corrupt(`wire type ${wireType}`, this.offset);
    }
  }

  /** Values past 2^53 lose their low bits: no size, type or dimension this reader uses is that large. */
  varint(): number {
    let value = 0;
    let unit = 1;
    for (let length = 0; length < 10; length++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Corrupt('truncated varint', this.offset);
      this.#at++;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    throw new Corrupt('varint longer than 10 bytes', this.offset);
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#bytes.length - this.#at) throw new Corrupt(`${length} bytes promised, fewer left`, this.offset);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

function readTensor(message: Uint8Array<ArrayBuffer>): [name: string, tensor: OnnxInitialiser] {
  const dims: number[] = [];
  let name = '';
  let dataType = 0;
  let bytes = message.subarray(0, 0);
  for (const field of fields(message)) {
    if (field.number === TENSOR_DIMS) dims.push(...readDims(field));
    else if (field.number === TENSOR_DATA_TYPE) dataType = scalar(field);
    else if (field.number === TENSOR_NAME) name = text(field);
    else if (field.number === TENSOR_RAW_DATA) bytes = lengthDelimited(field);
  }
  return [name, { dims, dataType, bytes }];
}

/** `repeated int64` arrives one by one or packed; both are legal in protobuf. */
function readDims(field: Field): number[] {
  if (typeof field.value === 'number') return [field.value];
  const cursor = new Cursor(field.value);
  const dims: number[] = [];
  while (!cursor.atEnd) dims.push(cursor.varint());
  return dims;
}

function readEntry(message: Uint8Array<ArrayBuffer>): [key: string, value: Uint8Array<ArrayBuffer>] {
  let key = '';
  let value = message.subarray(0, 0);
  for (const field of fields(message)) {
    if (field.number === ENTRY_KEY) key = text(field);
    else if (field.number === ENTRY_VALUE) value = lengthDelimited(field);
  }
  return [key, value];
}

function lengthDelimited(field: Field): Uint8Array<ArrayBuffer> {
  if (typeof field.value === 'number') throw new Corrupt(`field ${field.number} is not length-delimited`, field.offset);
  return field.value;
}

function scalar(field: Field): number {
  if (typeof field.value !== 'number') throw new Corrupt(`field ${field.number} is not a number`, field.offset);
  return field.value;
}

const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

const text = (field: Field): string => decoder.decode(lengthDelimited(field));
