import type { ImportLine } from '../../../contract/vectors/bulk.ts';
import { importLine } from '../../../contract/vectors/bulk.ts';
import type { Refusal } from '../../../contract/api/errors.ts';
import { withDetail } from '../../../contract/api/errors.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import { parseJsonText, utf8Text } from '../../../contract/api/json-text.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import { parse } from '../../../contract/api/parse.ts';
import { plainImportLine } from '../../../contract/vectors/plain-import-line.ts';
import { LineSplitter } from '../../../kernel/raw-lines.ts';
import type { RawLine } from '../../../kernel/raw-lines.ts';
import { err, ok } from '../../../kernel/result.ts';

/** Where a line stands, and where an import continues with it or without it. */
interface LinePlace {
  /** Its number in the whole import, from 1. */
  readonly line: number;
  readonly before: Position;
  /** Undefined where the next one cannot be found. */
  readonly behind?: Position;
}

/** A line that cannot be written. */
export interface LineFault extends LinePlace {
  readonly refusal: Refusal;
}

/** A vector and the line it stands in. */
export interface PlacedLine extends LinePlace {
  readonly vector: ImportLine;
}

/** Consecutive lines that are written together. */
export interface ImportBatch {
  readonly from: Position;
  readonly lines: readonly PlacedLine[];
  readonly until: Position;
  /** Whether none of it is written if one of its lines cannot be. */
  readonly isWhole: boolean;
  /** The refusal of the line at `until`, if it ended the batch. */
  readonly fault: LineFault | undefined;
}

/**
 * Cuts an import into batches. Where they end depends on the lines alone and never on how they arrive: a part that is sent again
 * from the start of a batch gives the same batches. One ends before a line whose vector it has already, so that the last one wins.
 */
export async function* batchesOf(body: AsyncIterable<Uint8Array>, start: Position): AsyncGenerator<ImportBatch, void> {
  const splitter = new LineSplitter(VECTOR_LIMITS.importLineBytesMax);
  const batches = new OpenBatches(start);
  for await (const piece of body) {
    // Line by line without a promise for each: an import has as many as vectors.
    for (const raw of splitter.push(piece)) {
      const closed = batches.add(raw);
      if (closed !== undefined) yield closed;
      if (closed?.fault !== undefined) return;
    }
  }
  const last = splitter.end();
  const closed = last === undefined ? undefined : batches.add(last);
  if (closed !== undefined) yield closed;
  if (closed?.fault === undefined && batches.isBegun) yield batches.close();
}

/** The batch that lines are added to, and the next one once it is full. */
class OpenBatches {
  #batch: OpenBatch;

  constructor(start: Position) {
    this.#batch = new OpenBatch(start);
  }

  /** Whether there are lines since the last batch was closed. */
  get isBegun(): boolean {
    return this.#batch.until.lines > this.#batch.from.lines;
  }

  /** The batch that ends before this line, or with its fault. */
  add(raw: RawLine): ImportBatch | undefined {
    const before = this.#batch.until;
    const after = behind(before, raw);
    const line = readLine(raw);
    if (!line.ok) return this.#batch.close({ refusal: line.error, line: after.lines, before, behind: after });
    const full = line.value !== null && !this.#batch.takes(line.value, raw.bytes) ? this.close() : undefined;
    this.#batch.add(line.value, raw.bytes, after);
    return full;
  }

  close(): ImportBatch {
    const batch = this.#batch.close();
    this.#batch = new OpenBatch(batch.until);
    return batch;
  }
}

class OpenBatch {
  readonly from: Position;
  until: Position;
  readonly #lines: PlacedLine[] = [];
  readonly #keys = new Set<string>();
  #bytes = 0;
  #textChars = 0;

  constructor(from: Position) {
    this.from = from;
    this.until = from;
  }

  /** Any line fits into a batch without one. */
  takes(vector: ImportLine, bytes: number): boolean {
    if (this.#lines.length === 0) return true;
    return (
      this.#lines.length < VECTOR_LIMITS.importBatchVectorsMaxCount &&
      this.#bytes + bytes <= VECTOR_LIMITS.importBatchBytesMax &&
      this.#textChars + embeddedChars(vector) <= VECTOR_LIMITS.importBatchTextCharsMax &&
      !this.#keys.has(keyOf(vector))
    );
  }

  add(vector: ImportLine | null, bytes: number, until: Position): void {
    if (vector !== null) {
      this.#lines.push({ vector, line: until.lines, before: this.until, behind: until });
      this.#keys.add(keyOf(vector));
      this.#bytes += bytes;
      this.#textChars += embeddedChars(vector);
    }
    this.until = until;
  }

  close(fault?: LineFault): ImportBatch {
    return { from: this.from, lines: this.#lines, until: this.until, isWhole: false, fault };
  }
}

const embeddedChars = ({ values, text }: ImportLine): number => (values === undefined ? (text ?? '').length : 0);

/** Distinguishes the vectors of an index: neither part contains NUL. */
export const keyOf = ({ namespace, id }: ImportLine): string => `${namespace}\0${id}`;

/** A position between two lines of an import. */
export interface Position {
  /** Lines before it. */
  readonly lines: number;
  /** Bytes before it. */
  readonly bytes: number;
}

export const behind = ({ lines, bytes }: Position, line: { readonly bytes: number }): Position => ({
  lines: lines + 1,
  bytes: bytes + line.bytes,
});

const VALUE_CHARS_SHOWN = 64;

/** The vector of a line; null for a blank line and for a progress line of an export. The refusal includes the value found. */
export function readLine({ content }: RawLine): Outcome<ImportLine | null> {
  if (content === undefined) return refuseBeyond({ limit: 'importLineBytesMax', what: 'has too many bytes' });
  const text = utf8Text(content);
  if (text?.trim() === '') return ok(null);
  const json = text === undefined ? refuse('malformed_json', '') : parseJsonText(text);
  if (!json.ok) return json.error.code === 'malformed_json' ? refuse('malformed_json', 'is not valid UTF-8 encoded JSON') : json;
  if (isExportProgress(json.value)) return ok(null);
  const plain = plainImportLine(json.value);
  if (plain !== undefined) return ok(plain);
  const line = parse(importLine, json.value);
  if (line.ok) return line;
  const { path } = line.error;
  const found = path === undefined ? undefined : valueAt(json.value, path);
  return found === undefined ? line : err(withDetail(line.error, `it is ${shown(found)}`));
}

const isExportProgress = (json: unknown): boolean =>
  typeof json === 'object' && json !== null && 'export' in json && Object.keys(json).length === 1;

const valueAt = (value: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part) ? Reflect.get(inner, part) : undefined),
    value,
  );

const shown = (value: unknown): string => {
  const json = JSON.stringify(value);
  return json.length > VALUE_CHARS_SHOWN ? `${json.slice(0, VALUE_CHARS_SHOWN)}…` : json;
};
