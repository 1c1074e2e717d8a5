import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { ListCache } from './list-cache.ts';
import { MemoryPart } from './memory-part.ts';
import type { PostingPart } from './posting-part.ts';
import type { SearchedPostings } from './query-walk.ts';
import { Segment } from './segment.ts';
import { SegmentStore } from './segment-store.ts';
import type { PostedRow, Row } from './sparse-query.ts';

/** Rows that are not flushed yet, by namespace. */
export class Memtable {
  readonly parts = new Map<number, MemoryPart>();
  #lastRow: Row;
  #rows = 0;
  #words = 0;

  constructor(lastRow: Row) {
    this.#lastRow = lastRow;
  }

  /** The highest row that was put. */
  get lastRow(): Row {
    return this.#lastRow;
  }

  /** Also those that were removed since. */
  get rows(): number {
    return this.#rows;
  }

  /** How many terms their texts have in all: what it takes to analyse them again. */
  get words(): number {
    return this.#words;
  }

  get bytes(): number {
    let bytes = 0;
    for (const part of this.parts.values()) bytes += part.bytes;
    return bytes;
  }

  put({ namespace, row, fields }: PostedRow): void {
    const part = this.parts.get(namespace) ?? new MemoryPart();
    this.parts.set(namespace, part);
    part.add(row, fields);
    this.#lastRow = row;
    this.#rows += 1;
    for (const { length, terms } of fields) this.#words += length ?? terms.length;
  }
}

/** What memory has of the postings. All of it can be read again. */
export class PostingMemory implements SearchedPostings {
  readonly store: SegmentStore;
  readonly lists: ListCache;
  active: Memtable;
  /** What is being flushed: searched like the rest, takes no more rows. */
  frozen: Memtable | undefined;
  /** Up to which row segments have all postings. */
  flushedRow: Row;
  #replacements = 0;
  // Segments by namespace, those used last at the end.
  readonly #segments = new Map<number, Segment[]>();
  readonly #bytesMax: number;

  constructor(storage: SqlStorage, bytesMax: number) {
    this.store = new SegmentStore(storage);
    this.lists = new ListCache(bytesMax / 2);
    this.flushedRow = this.store.flushedRow;
    this.active = new Memtable(this.flushedRow);
    this.#bytesMax = bytesMax;
  }

  get replacements(): number {
    return this.#replacements;
  }

  get bytes(): number {
    return this.lists.bytes + this.#segmentBytes + this.active.bytes + (this.frozen?.bytes ?? 0);
  }

  get #segmentBytes(): number {
    let bytes = 0;
    for (const segments of this.#segments.values()) for (const segment of segments) bytes += segment.bytes;
    return bytes;
  }

  /** Live segments, in order of their rows. */
  segments(namespace: number): Segment[] {
    const known = this.#segments.get(namespace);
    if (known !== undefined) {
      this.#segments.delete(namespace);
      this.#segments.set(namespace, known);
      return known;
    }
    const segments = this.store.segmentsOf(namespace).map((stored) => new Segment(this.store, this.lists, stored));
    this.#segments.set(namespace, segments);
    // Segments of one namespace are never let go alone: a search needs all.
    for (const oldest of this.#segments.keys()) {
      if (oldest === namespace || this.#segmentBytes <= this.#bytesMax / 2) break;
      this.#segments.delete(oldest);
    }
    return segments;
  }

  /** Follows that a segment is live instead of others, or of none; undefined when all their rows are removed. */
  replaceSegments(namespace: number, sources: readonly number[], target: number | undefined): void {
    this.#replacements += 1;
    const known = this.#segments.get(namespace);
    if (known === undefined) return;
    const segments = known.filter(({ id }) => !sources.includes(id));
    if (target !== undefined) segments.push(new Segment(this.store, this.lists, this.store.segment(target)));
    // Its rows may come before those of others: of one that is rewritten alone, or that was flushed while it was merged.
    segments.sort((a, b) => a.rows[0]! - b.rows[0]!);
    this.#segments.set(namespace, segments);
  }

  /** All that is searched of a namespace: no row is in two of them. */
  parts(namespace: number): PostingPart[] {
    const memtables = [this.frozen, this.active].flatMap((memtable) => memtable?.parts.get(namespace) ?? []);
    return [...this.segments(namespace), ...memtables];
  }

  /** Lets go of `bytes` at least, or of all but rows that are not flushed yet; returns how many it were. */
  evict(bytes: number): number {
    const before = this.bytes;
    this.lists.evict(bytes);
    for (const namespace of this.#segments.keys()) {
      if (before - this.bytes >= bytes) break;
      this.#segments.delete(namespace);
    }
    return before - this.bytes;
  }
}
