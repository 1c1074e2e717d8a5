import type { ImportLine } from '../../contract/bulk.ts';
import type { Refusal } from '../../contract/errors.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { RawLine } from '../../kernel/raw-lines.ts';
import { readLine } from './read-line.ts';

/** A line that cannot be written. */
export interface LineFault {
  readonly refusal: Refusal;
  readonly before: Position;
  readonly behind: Position;
}

/** A vector and the line it stands in. */
export interface PlacedLine {
  readonly vector: ImportLine;
  readonly before: Position;
  readonly behind: Position;
}

/** Consecutive lines that are written together. */
export interface ImportBatch {
  readonly from: Position;
  readonly lines: readonly PlacedLine[];
  readonly until: Position;
  /** The refusal of the line at `until`, if it ended the batch. */
  readonly fault: LineFault | undefined;
}

/**
 * Cuts an import into batches. Where they end depends on the lines alone and never on how they arrive: a part that is sent again
 * from the start of a batch gives the same batches. One ends before a line whose vector it has already, so that the last one wins.
 */
export async function* batchesOf(lines: AsyncIterable<RawLine>, start: Position): AsyncGenerator<ImportBatch, void> {
  let batch = new OpenBatch(start);
  for await (const raw of lines) {
    const before = batch.until;
    const after = behind(before, raw);
    const line = readLine(raw);
    if (!line.ok) {
      yield batch.close({ refusal: line.error, before, behind: after });
      return;
    }
    if (line.value !== null && !batch.takes(line.value, raw.bytes)) {
      yield batch.close();
      batch = new OpenBatch(before);
    }
    batch.add(line.value, raw.bytes, after);
  }
  if (batch.until.lines > batch.from.lines) yield batch.close();
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
      this.#lines.length < LIMITS.importBatchVectorsMaxCount &&
      this.#bytes + bytes <= LIMITS.importBatchBytesMax &&
      this.#textChars + embeddedChars(vector) <= LIMITS.importBatchTextCharsMax &&
      !this.#keys.has(keyOf(vector))
    );
  }

  add(vector: ImportLine | null, bytes: number, until: Position): void {
    if (vector !== null) {
      this.#lines.push({ vector, before: this.until, behind: until });
      this.#keys.add(keyOf(vector));
      this.#bytes += bytes;
      this.#textChars += embeddedChars(vector);
    }
    this.until = until;
  }

  close(fault?: LineFault): ImportBatch {
    return { from: this.from, lines: this.#lines, until: this.until, fault };
  }
}

const embeddedChars = ({ values, text }: ImportLine): number => (values === undefined ? (text ?? '').length : 0);

// Neither part contains NUL.
const keyOf = ({ namespace, id }: ImportLine): string => `${namespace}\0${id}`;

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
