import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import { Corrupt, fields, integers, lengthDelimited, scalar, text } from './protobuf-reader.ts';

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

function readTensor(message: Uint8Array<ArrayBuffer>): [name: string, tensor: OnnxInitialiser] {
  const dims: number[] = [];
  let name = '';
  let dataType = 0;
  let bytes = message.subarray(0, 0);
  for (const field of fields(message)) {
    if (field.number === TENSOR_DIMS) {
      for (const dim of integers(field)) dims.push(dim);
    } else if (field.number === TENSOR_DATA_TYPE) dataType = scalar(field);
    else if (field.number === TENSOR_NAME) name = text(field);
    else if (field.number === TENSOR_RAW_DATA) bytes = lengthDelimited(field);
  }
  return [name, { dims, dataType, bytes }];
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
