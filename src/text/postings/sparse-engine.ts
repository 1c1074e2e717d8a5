import { POSTING_LIMITS } from '../../contract/indexes/posting-limits.ts';
import { assert, must } from '../../kernel/assert.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { atOnce } from '../../kernel/stepped-work.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import { PostingMaintenance } from './maintenance.ts';
import { WalkScratch } from './part-walk.ts';
import type { PostingBlocks } from './posting-blocks.ts';
import type { PostingPart } from './posting-part.ts';
import { countIn, ordinalOf } from './posting-part.ts';
import { PostingMemory } from './posting-memory.ts';
import { QueryWalk } from './query-walk.ts';
import { SegmentStore } from './segment-store.ts';
import type { FieldPostings, FieldTotals, PostedRow, Row, RowFilter, Space, SparseHits, SparseQuery, TermWalk } from './sparse-query.ts';
import { walkTerms } from './term-walk.ts';

/** Where rows come from that were put after the last flush, when memory was lost. */
export interface RowSource {
  /** All stored rows that have fields and come behind `row`, ascending. */
  rowsBehind(row: Row): Iterable<PostedRow>;
}

// What is counted in a step, a millisecond or two. A posting or a length that a filter is asked about takes 10 to 20 ns, a list that has to be read 30 us.
const STEP_COUNTED = 65_536;
const LIST_COUNTED = 2_048;

interface Loaded {
  readonly memory: PostingMemory;
  maintenance: PostingMaintenance | undefined;
}

/**
 * Postings of all text and sparse fields of a shard, over the tables of `POSTING_TABLES`. Rows are put once and never change: an upsert puts a new
 * row and removes the old one, in the transaction of its caller. Rows that are not flushed yet are only in memory; they are read again from
 * their source. Unless a method says otherwise, all of it happens at once.
 */
export class SparseEngine {
  readonly #storage: RememberingStorage;
  readonly #loaded: RememberedValue<Loaded>;
  // Of walks that ended; one for each that is under way at once.
  readonly #scratches: WalkScratch[] = [];

  /** `memoryBytesMax`: of what is read again when it is needed; rows that are not flushed come on top, 8 MiB at most while `sweep` is called. */
  constructor(storage: RememberingStorage, source: RowSource, memoryBytesMax: number) {
    this.#storage = storage;
    this.#loaded = storage.remember(() => load(storage, source, memoryBytesMax));
  }

  /** Rows up to this one are in segments: those behind it come from the source when memory is lost. */
  get flushedRow(): Row {
    return this.#memory.flushedRow;
  }

  /** Of memory. */
  get bytes(): number {
    return this.#loaded.kept?.memory.bytes ?? 0;
  }

  /** Within a transaction. A row that is not higher than all before is known, and nothing happens. */
  put(posted: PostedRow): void {
    for (const field of posted.fields) check(field);
    const { active } = this.#memory;
    if (posted.row > active.lastRow) active.put(posted);
  }

  /** Within a transaction. Rows that are not there, or removed already, are passed over. */
  remove(namespace: number, rows: readonly Row[]): void {
    const memory = this.#memory;
    for (const memtable of [memory.frozen, memory.active]) {
      const part = memtable?.parts.get(namespace);
      if (part !== undefined) for (const row of rows) part.remove(row);
    }
    const stored = rows.filter((row) => row <= memory.flushedRow);
    if (stored.length === 0) return;
    const segments = memory.segments(namespace);
    const bySegment = groupBy(new Set(stored), (row) => segments.findLast((segment) => segment.rows[0]! <= row));
    for (const [segment, found] of bySegment) {
      if (segment === undefined) continue;
      segment.remove(found.flatMap((row) => liveOrdinal(segment, row) ?? []));
    }
    this.#loaded.get().maintenance?.removedFrom(namespace);
  }

  /** Of the live rows. */
  totals({ namespace, field }: Space): FieldTotals {
    return sumOf(this.#memory.parts(namespace).map((part) => part.column(field)));
  }

  /** Of those that the filter leaves, in steps: rows that are put or removed in between may be counted or not. */
  *totalsAmong({ namespace, field }: Space, among: RowFilter): Steps<FieldTotals> {
    const totals: FieldTotals[] = [];
    let due = STEP_COUNTED;
    for (const part of this.#memory.parts(namespace)) {
      totals.push(totalsAmong(part, field, among));
      due -= part.rows.length;
      if (due > 0) continue;
      yield undefined;
      due = STEP_COUNTED;
    }
    return sumOf(totals);
  }

  /** Of each term, how many live rows have it, or of those that the filter leaves. In steps of some milliseconds; each term is counted in one. */
  *documentFrequencies({ namespace, field }: Space, terms: readonly string[], among?: RowFilter): Steps<number[]> {
    const frequencies: number[] = [];
    let due = STEP_COUNTED;
    for (const term of terms) {
      if (due <= 0) {
        yield undefined;
        due = STEP_COUNTED;
      }
      let frequency = 0;
      for (const part of this.#memory.parts(namespace)) {
        const list = part.find(field, term);
        due -= LIST_COUNTED + (among === undefined ? 0 : (list?.count ?? 0));
        if (list !== undefined) frequency += frequencyIn(part, list, among);
      }
      frequencies.push(frequency);
    }
    return frequencies;
  }

  /** Terms that live rows have, in steps of some milliseconds. */
  terms(walk: TermWalk): Steps<string[]> {
    return walkTerms(walk, () => this.#memory.parts(walk.space.namespace));
  }

  /** The first rows; equal, to the bit, to what a scan of all rows finds. */
  search(query: SparseQuery): SparseHits {
    return atOnce(this.searchInSteps(query));
  }

  /** The same in steps of some milliseconds: rows that are put or removed in between may be found or not. */
  *searchInSteps(query: SparseQuery): Steps<SparseHits> {
    const scratch = this.#scratches.pop() ?? new WalkScratch();
    const hits = yield* new QueryWalk(query, () => this.#memory, scratch).inSteps();
    this.#scratches.push(scratch);
    return hits;
  }

  /** Does maintenance of some milliseconds, in a transaction. False: nothing is left to do. */
  sweep(): boolean {
    return this.#storage.transactionSync(() => {
      const loaded = this.#loaded.get();
      loaded.maintenance ??= new PostingMaintenance(loaded.memory);
      return loaded.maintenance.sweep();
    });
  }

  /** Lets go of `bytes` of memory at least, or of all that can be read again; returns how many it were. */
  evict(bytes: number): number {
    this.#scratches.length = 0;
    return this.#loaded.kept?.memory.evict(bytes) ?? 0;
  }

  /** Lets go of all memory: rows that are not flushed are read again from their source. */
  forget(): void {
    this.#loaded.forget();
  }

  /** Within a transaction: removes all rows. */
  clear(): void {
    new SegmentStore(this.#storage).clear();
    this.#loaded.forget();
  }

  get #memory(): PostingMemory {
    return this.#loaded.get().memory;
  }
}

function load(storage: RememberingStorage, source: RowSource, memoryBytesMax: number): Loaded {
  const memory = new PostingMemory(storage, memoryBytesMax);
  for (const row of source.rowsBehind(memory.flushedRow)) memory.active.put(row);
  return { memory, maintenance: undefined };
}

function check({ field, terms, values, length }: FieldPostings): void {
  assert(values.length === terms.length, `field ${field} has a value for each of its ${terms.length} terms, not ${values.length}`);
  if (length === undefined) {
    for (let i = 0; i < values.length; i += 1) assert(Number.isFinite(Math.fround(values[i]!)), `field ${field} has finite weights`);
    return;
  }
  assert(terms.length === 0 || length >= 1, `a text of field ${field} that has terms has a length`);
  for (let i = 0; i < values.length; i += 1) {
    const frequency = values[i]!;
    const isFrequency = Number.isInteger(frequency) && frequency >= 1 && frequency <= POSTING_LIMITS.frequencyMax;
    assert(isFrequency, `field ${field} has ${frequency} of a term: a whole number from 1 to ${POSTING_LIMITS.frequencyMax}`);
  }
}

function liveOrdinal(part: PostingPart, row: Row): number | undefined {
  const ordinal = ordinalOf(part, row);
  return ordinal === undefined || part.deleted.has(ordinal) ? undefined : ordinal;
}

function frequencyIn(part: PostingPart, list: PostingBlocks, among: RowFilter | undefined): number {
  if (among === undefined) return list.count - part.deleted.among(list);
  return countIn(list, (ordinal) => !part.deleted.has(ordinal) && among.has(must(part.rows[ordinal], 'a list has rows of its part')));
}

function sumOf(totals: readonly (FieldTotals | undefined)[]): FieldTotals {
  let [documents, totalLength] = [0, 0];
  for (const of of totals) {
    documents += of?.documents ?? 0;
    totalLength += of?.totalLength ?? 0;
  }
  return { documents, totalLength };
}

function totalsAmong(part: PostingPart, field: number, among: RowFilter): FieldTotals {
  const { lengths } = part.column(field) ?? { lengths: [] };
  let [documents, totalLength] = [0, 0];
  for (let ordinal = 0; ordinal < Math.min(lengths.length, part.rows.length); ordinal += 1) {
    const length = lengths[ordinal]!;
    if (length === 0 || part.deleted.has(ordinal) || !among.has(part.rows[ordinal]!)) continue;
    documents += 1;
    totalLength += length;
  }
  return { documents, totalLength };
}
