import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import { turnOfOthers } from '../../kernel/timer.ts';
import type { OnnxGraph } from '../onnx/onnx-graph.ts';
import { readOnnxGraph } from '../onnx/onnx-graph.ts';
import { TooMuchLeft, detachPieces } from '../onnx/detach-pieces.ts';
import { Corrupt } from '../onnx/protobuf-reader.ts';
import type { ServedFile } from '../served-manifest.ts';
import type { ModelBucket, StoredFile } from './model-bucket.ts';
import { openServedFile, readServedFile } from './model-bucket.ts';

/** The graph of an ONNX file. */
export interface GraphFile {
  readonly graph: OnnxGraph;
  /** Where its large constants are, if only the detached graph was read. [M146] */
  readonly stored: StoredFile | undefined;
  /** The file as a whole. */
  bytes(): Promise<Outcome<Uint8Array<ArrayBuffer>>>;
}

interface GraphPlace {
  /** Others run between two parts of the reading. */
  readonly timer: Timer;
  readonly bucket: ModelBucket;
  readonly owner: string;
  readonly file: ServedFile;
  readonly at: FieldPath;
}

/** Smaller files are read as a whole. */
const DETACHED_FILE_BYTES_MIN = 1024 * 1024;

/** Bytes of a file that are looked through before others get a turn: some milliseconds. */
export const TURN_BYTES = 2 * 1024 * 1024;

async function* inTurns(pieces: StoredFile['pieces'], timer: Timer): StoredFile['pieces'] {
  let bytes = 0;
  for await (const piece of pieces) {
    yield piece;
    bytes += piece.byteLength;
    if (bytes < TURN_BYTES) continue;
    bytes = 0;
    await turnOfOthers(timer);
  }
  return undefined;
}

/** Reads the graph of a file without its large constants, where the store of files has pieces of it. */
export async function readDetachedGraph(place: GraphPlace): Promise<Outcome<GraphFile>> {
  const { bucket, owner, file, at, timer } = place;
  const open = bucket.open?.bind(bucket);
  if (open === undefined || file.bytes < DETACHED_FILE_BYTES_MIN) return readGraphFile(place);
  try {
    const opened = await openServedFile(open, owner, file, at, (pieces) => detachPieces(inTurns(pieces, timer), file.bytes));
    if (!opened.ok) return opened;
    await turnOfOthers(timer);
    const graph = readOnnxGraph(opened.value.made, at);
    return graph.ok ? ok({ graph: graph.value, stored: opened.value.stored, bytes: () => readServedFile(bucket, owner, file, at) }) : graph;
  } catch (error) {
    if (error instanceof TooMuchLeft) return readGraphFile(place);
    if (error instanceof Corrupt) return refuse('invalid_value', `is no ONNX file: ${error.message}, at byte ${error.offset}`, at);
    throw error;
  }
}

/** Reads a file as a whole. */
export async function readGraphFile({ bucket, owner, file, at }: GraphPlace): Promise<Outcome<GraphFile>> {
  const bytes = await readServedFile(bucket, owner, file, at);
  if (!bytes.ok) return bytes;
  const graph = readOnnxGraph(bytes.value, at);
  return graph.ok ? ok({ graph: graph.value, stored: undefined, bytes: () => Promise.resolve(bytes) }) : graph;
}
