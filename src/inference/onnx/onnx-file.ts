import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import { readEntry, readTensor } from './onnx-tensor.ts';
import { Corrupt, fields, lengthDelimited } from './protobuf-reader.ts';

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
const MODEL = { graph: 7, metadata: 14 };
const GRAPH_INITIALISER = 5;

/** Finds the initialisers (those stored as `raw_data`) and the metadata of an ONNX file. */
export function readOnnxFile(bytes: Uint8Array<ArrayBuffer>): Result<OnnxFile, OnnxFileError> {
  const initialisers = new Map<string, OnnxInitialiser>();
  const metadata = new Map<string, Uint8Array<ArrayBuffer>>();
  try {
    for (const field of fields(bytes)) {
      if (field.number === MODEL.graph) {
        for (const [name, initialiser] of initialisersOf(lengthDelimited(field))) initialisers.set(name, initialiser);
      } else if (field.number === MODEL.metadata) metadata.set(...readEntry(lengthDelimited(field)));
    }
  } catch (error) {
    if (error instanceof Corrupt) return err({ kind: 'corrupt_onnx_file', reason: error.message, offset: error.offset });
    throw error;
  }
  return ok({ initialisers, metadata });
}

function* initialisersOf(graph: Uint8Array<ArrayBuffer>): Generator<readonly [name: string, OnnxInitialiser]> {
  for (const field of fields(graph)) {
    if (field.number !== GRAPH_INITIALISER) continue;
    const { name, dims, dataType, stored } = readTensor(lengthDelimited(field));
    yield [name, { dims, dataType, bytes: stored.kind === 'raw' ? stored.bytes : new Uint8Array() }];
  }
}
