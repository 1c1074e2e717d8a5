import { checksum } from '../lists/integrity.ts';
import type { Row } from '../vector-engine.ts';

/** A training in progress, as it outlives the memory of its object. */
export interface TrainingCheckpoint {
  /** Vectors in the shard when it began. */
  readonly count: number;
  readonly listCount: number;
  /** The rows of the sample, ascending, below 2^32. */
  readonly rows: readonly Row[];
  /** See `Training.checkpoint`; empty at the start. */
  readonly progress: Uint8Array;
}

// Little-endian u32: layout, checksum of all behind it, count, list count, number of rows, rows; then the progress.
const LAYOUT = 2;
const HEADER_WORDS = 5;

export function encodeTrainingCheckpoint({ count, listCount, rows, progress }: TrainingCheckpoint): Uint8Array {
  const words = [LAYOUT, 0, count, listCount, rows.length, ...rows];
  const bytes = new Uint8Array(4 * words.length + progress.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  bytes.set(progress, 4 * words.length);
  view.setUint32(4, checksum(bytes.subarray(8)), true);
  return bytes;
}

/** Undefined when the bytes are of another layout, or not what was written: then training starts again. */
export function decodeTrainingCheckpoint(bytes: Uint8Array): TrainingCheckpoint | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number): number => view.getUint32(4 * i, true);
  if (bytes.length < 4 * HEADER_WORDS || word(0) !== LAYOUT || word(1) !== checksum(bytes.subarray(8))) return undefined;
  const rows = Array.from({ length: word(4) }, (_, i) => word(HEADER_WORDS + i));
  return { count: word(2), listCount: word(3), rows, progress: bytes.subarray(4 * (HEADER_WORDS + rows.length)) };
}
