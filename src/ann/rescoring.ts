import type { Metric } from '../contract/indexes/index-settings.ts';
import { must } from '../kernel/assert.ts';
import { BoundedHeap } from '../kernel/heap.ts';
import { compareScores, scorer } from './metric.ts';
import type { ReadVectors, Row, VectorMatch } from './stored-vector.ts';

/** A vector that may belong to an answer: its closeness, a product or minus a distance, is at most `closest`. */
export interface Candidate {
  readonly row: Row;
  readonly closest: number;
}

// Rows read at once: one statement's fixed cost is spread thin, and 1 MiB of vectors is held at a time.
const BATCH_BYTES = 1024 * 1024;
const BATCH_ROWS_MIN = 32;
const BATCH_ROWS_MAX = 256;

/** The best matches of a query so far, in the order of `compareMatches`. */
export class Rescoring {
  /** Rows read. */
  rowCount = 0;
  readonly #metric: Metric;
  readonly #score: (values: Float32Array) => number;
  readonly #rowsMax: number;
  readonly #readVectors: ReadVectors;
  readonly #best: BoundedHeap<VectorMatch>;

  constructor(metric: Metric, { values, topK }: { values: Float32Array; topK: number }, readVectors: ReadVectors) {
    this.#metric = metric;
    this.#score = scorer(metric, values);
    this.#rowsMax = Math.max(BATCH_ROWS_MIN, Math.min(BATCH_ROWS_MAX, Math.floor(BATCH_BYTES / (4 * values.length))));
    this.#readVectors = readVectors;
    this.#best = new BoundedHeap(topK, (a, b) => compareScores(metric, a.score, b.score) || compareIds(a.id, b.id));
  }

  /** Reads and scores candidates, the most promising first, until no further one can be among the best. */
  push(candidates: readonly Candidate[]): void {
    for (let start = 0; start < candidates.length;) {
      const end = this.#batchEnd(candidates, start);
      if (end === start) return;
      this.rowCount += end - start;
      for (const stored of this.#readVectors(candidates.slice(start, end).map(({ row }) => row))) {
        this.#best.push({ row: stored.row, id: stored.id, score: this.#score(stored.values) });
      }
      start = end;
    }
  }

  /** Where a batch ends: before the first that cannot be among the best. A row that could only tie must still be read: its id may come first. */
  #batchEnd(candidates: readonly Candidate[], start: number): number {
    const sign = this.#metric === 'l2' ? -1 : 1;
    const least = this.#best.isFull ? sign * must(this.#best.last, 'a full heap has a last item').score : -Infinity;
    const endMax = Math.min(candidates.length, start + this.#rowsMax);
    let end = start;
    while (end < endMax && candidates[end]!.closest >= least) end += 1;
    return end;
  }

  /** Closest first, equal scores in the code unit order of their ids. */
  matches(): VectorMatch[] {
    return this.#best.toSorted();
  }
}

const compareIds = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
