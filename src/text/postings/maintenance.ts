import { POSTING_LIMITS } from '../../contract/indexes/posting-limits.ts';
import type { PostingTask } from './flush.ts';
import { flush, ROW_POSTINGS, WRITE_POSTINGS } from './flush.ts';
import { beginMerge, merge, segmentsToMerge } from './merge.ts';
import { Memtable } from './posting-memory.ts';
import type { PostingMemory } from './posting-memory.ts';

// Namespaces looked at together.
const NAMESPACES_COUNT = 64;

/** What is to be done about the segments of a shard, a slice at a time. Made before the first slice since memory was lost. */
export class PostingMaintenance {
  readonly #memory: PostingMemory;
  #flush: PostingTask | undefined;
  #other: PostingTask | undefined;
  // Namespaces whose segments may be worth merging.
  readonly #due = new Set<number>();

  constructor(memory: PostingMemory) {
    this.#memory = memory;
    memory.store.dropUnfinished();
    this.#other = this.#resume();
  }

  /** Follows that rows of stored segments were removed. */
  removedFrom(namespace: number): void {
    this.#due.add(namespace);
  }

  /** Does work of some milliseconds, within a transaction of the caller. False: nothing is left. */
  sweep(): boolean {
    for (let left: number = POSTING_LIMITS.slicePostingsMaxCount; left > 0;) {
      const task = this.#next();
      if (task === undefined) return false;
      const { done, value } = task.next();
      left -= done === true ? WRITE_POSTINGS : value;
      if (done !== true) continue;
      if (task === this.#flush) this.#flush = undefined;
      else this.#other = undefined;
    }
    return true;
  }

  /** A flush goes before all else: rows in memory take room and are searched without bounds. */
  #next(): PostingTask | undefined {
    if (this.#flush === undefined && this.#isFlushDue) this.#flush = this.#startFlush();
    if (this.#flush !== undefined) return this.#flush;
    const [namespace] = this.#due;
    if (this.#other === undefined && namespace !== undefined) {
      this.#due.delete(namespace);
      this.#other = this.#tend(namespace);
    }
    return this.#other;
  }

  get #isFlushDue(): boolean {
    const { rows, words, bytes } = this.#memory.active;
    const { memtableRowsMaxCount, memtableWordsMaxCount, memtableBytesMax } = POSTING_LIMITS;
    return rows >= memtableRowsMaxCount || words >= memtableWordsMaxCount || bytes >= memtableBytesMax;
  }

  #startFlush(): PostingTask {
    const frozen = this.#memory.active;
    this.#memory.frozen = frozen;
    this.#memory.active = new Memtable(frozen.lastRow);
    for (const namespace of frozen.parts.keys()) this.#due.add(namespace);
    return flush(this.#memory, frozen);
  }

  /** What was left when memory was lost: a merge goes on where it stopped. */
  *#resume(): PostingTask {
    const { store } = this.#memory;
    for (const target of store.merging()) yield* merge(this.#memory, target);
    yield* this.#drop();
    for (let after = -1; ;) {
      const namespaces = store.mergeable(after, NAMESPACES_COUNT);
      yield WRITE_POSTINGS;
      const last = namespaces.at(-1);
      if (last === undefined) return;
      for (const namespace of namespaces) this.#due.add(namespace);
      after = last;
    }
  }

  *#tend(namespace: number): PostingTask {
    const { store } = this.#memory;
    for (;;) {
      const sources = segmentsToMerge(store.segmentsOf(namespace));
      yield WRITE_POSTINGS;
      if (sources.length === 0) return;
      const ids = sources.map(({ id }) => id);
      const target = beginMerge(this.#memory, namespace, ids);
      yield WRITE_POSTINGS + ROW_POSTINGS * sources.reduce((sum, { count }) => sum + count, 0);
      if (target !== undefined) yield* merge(this.#memory, target);
      yield* this.#drop();
    }
  }

  /** Deletes what was merged. */
  *#drop(): PostingTask {
    const { store } = this.#memory;
    for (const id of store.dropped()) {
      while (store.drop(id, POSTING_LIMITS.dropLeavesMaxCount)) yield WRITE_POSTINGS * 4;
    }
  }
}
