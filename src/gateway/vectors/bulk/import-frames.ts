import type { ImportLine } from '../../../contract/vectors/bulk.ts';
import { importLine } from '../../../contract/vectors/bulk.ts';
import type { Refusal } from '../../../contract/api/errors.ts';
import { refusal } from '../../../contract/api/errors.ts';
import { parseJsonBytes } from '../../../contract/api/json-text.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { parse } from '../../../contract/api/parse.ts';
import { plainImportLine } from '../../../contract/vectors/plain-import-line.ts';
import { FrameSplitter } from '../../../kernel/frame-splitter.ts';
import { ok } from '../../../kernel/result.ts';
import { readFrame } from '../../../kernel/vector-frame.ts';
import type { VectorFrame } from '../../../kernel/vector-frame.ts';
import type { ImportBatch, LineFault, Position } from './import-batch.ts';
import { keyOf } from './import-batch.ts';

/**
 * An import as a stream of vector frames: each is a batch, written whole or not at all, and each of its vectors counts as a line. So batches
 * depend on the frames alone, as those of lines depend on the lines. [B17]
 */
export async function* framesOf(body: AsyncIterable<Uint8Array>, start: Position): AsyncGenerator<ImportBatch, void> {
  const splitter = new FrameSplitter(VECTOR_LIMITS.importFrameBytesMax);
  let from = start;
  for await (const piece of body) {
    for (const frame of splitter.push(piece)) {
      const batch = 'fault' in frame ? brokenAt(from, frame.fault) : batchOf(frame.bytes, from);
      yield batch;
      if (batch.fault !== undefined) return;
      from = batch.until;
    }
  }
  const rest = splitter.end();
  if (rest !== undefined && 'fault' in rest) yield brokenAt(from, rest.fault);
}

/** Where the frame that follows cannot be read: nothing behind it can be found either. */
const brokenAt = (from: Position, fault: string): ImportBatch =>
  emptyBatch(from, { ...frameFault(fault), line: from.lines + 1, before: from });

function batchOf(bytes: Uint8Array<ArrayBuffer>, from: Position): ImportBatch {
  const { items, vectors, refusal: refused } = readVectors(bytes);
  const behind = { lines: from.lines + items, bytes: from.bytes + bytes.length };
  const lineOf = (at: number) => ({ line: from.lines + at + 1, before: from, behind });
  if (refused !== undefined) return emptyBatch(from, { refusal: refused, ...lineOf(vectors.length) });
  return { from, lines: vectors.map((vector, at) => ({ vector, ...lineOf(at) })), until: behind, isWhole: true, fault: undefined };
}

const emptyBatch = (from: Position, fault: LineFault): ImportBatch => ({ from, lines: [], until: from, isWhole: true, fault });

interface ReadVectors {
  /** How many vectors the frame has; 1 where its head does not say. */
  readonly items: number;
  /** Those before the one that is refused, or all. */
  readonly vectors: readonly ImportLine[];
  readonly refusal?: Refusal;
}

function readVectors(bytes: Uint8Array<ArrayBuffer>): ReadVectors {
  const frame = readFrame(bytes);
  if (typeof frame === 'string') return { items: 1, vectors: [], ...frameFault(frame) };
  const head = headOf(frame);
  if (!head.ok) return { items: 1, vectors: [], refusal: head.error };
  const items = head.value.length;
  const keys = new Set<string>();
  const vectors: ImportLine[] = [];
  for (const item of head.value) {
    const vector = vectorOf(item, frame);
    if (!vector.ok) return { items, vectors, refusal: vector.error };
    if (keys.size === keys.add(keyOf(vector.value)).size)
      return { items, vectors, refusal: refusal('invalid_value', 'is in the frame twice', 'id') };
    vectors.push(vector.value);
  }
  return { items, vectors };
}

const frameFault = (fault: string) => ({ refusal: refusal('invalid_value', `the frame ${fault}`) });

/** The vectors of a frame as its head says, not validated yet. */
function headOf({ head }: VectorFrame): Outcome<readonly unknown[]> {
  const json = parseJsonBytes(head);
  if (!json.ok) return json;
  const { vectors, ...others } = typeof json.value === 'object' && json.value !== null ? (json.value as Record<string, unknown>) : {};
  if (!Array.isArray(vectors) || Object.keys(others).length > 0) {
    return refuse('invalid_value', 'the head of a frame is an object with one field, the array `vectors`', 'vectors');
  }
  if (vectors.length <= VECTOR_LIMITS.importBatchVectorsMaxCount) return ok(vectors);
  return refuseBeyond({ path: ['vectors'], limit: 'importBatchVectorsMaxCount', what: `has ${vectors.length} items` });
}

/** A vector whose `values` is the number of a row; where that is not a usual one, it is refused as if the row stood there. */
function vectorOf(item: unknown, { rows, dimensions, values: all }: VectorFrame): Outcome<ImportLine> {
  const row: unknown = typeof item === 'object' && item !== null && 'values' in item ? item.values : null;
  if (typeof item !== 'object' || item === null || row === null) return parse(importLine, item);
  if (typeof row !== 'number' || !Number.isInteger(row) || row < 0 || row >= rows) {
    return refuse('invalid_value', `must be the number of a row of the frame, below ${rows}`, 'values');
  }
  const values = all.subarray(row * dimensions, (row + 1) * dimensions);
  const plain = plainImportLine(Object.assign(item, { values }));
  return plain === undefined ? parse(importLine, { ...item, values: Array.from(values) }) : ok(plain);
}
