import { must } from '../../kernel/assert.ts';
import { BoundedHeap } from '../../kernel/heap.ts';
import type { Row, SparseQuery } from './sparse-query.ts';

interface ScoredRow {
  readonly row: Row;
  readonly score: number;
}

/** The first rows of those offered so far: by score, then as the query orders ties. */
export class TopRows {
  readonly #heap: BoundedHeap<ScoredRow>;
  readonly #judge: SparseQuery['judge'];
  #threshold = -Infinity;

  constructor({ topK, compareTies, judge }: SparseQuery) {
    this.#heap = new BoundedHeap<ScoredRow>(topK, (a, b) => b.score - a.score || compareTies(a.row, b.row));
    this.#judge = judge;
  }

  /** A row of a lower score is not among the first; one of this score may be. */
  get threshold(): number {
    return this.#threshold;
  }

  offer(row: Row, scoreMax: number): void {
    if (scoreMax < this.#threshold) return;
    const score = this.#judge === undefined ? scoreMax : this.#judge(row, scoreMax);
    if (score === undefined || score < this.#threshold) return;
    this.#heap.push({ row, score });
    if (this.#heap.isFull) this.#threshold = must(this.#heap.last, 'a full heap has items').score;
  }

  toSorted(): readonly ScoredRow[] {
    return this.#heap.toSorted();
  }
}
