import { must } from '../../kernel/assert.ts';
import { BoundedHeap } from '../../kernel/heap.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import type { Row, SparseQuery } from './sparse-query.ts';

interface ScoredRow {
  readonly row: Row;
  readonly score: number;
}

/** How many rows wait to be told apart: asking for the order of many at once costs little more than of one. */
const TIED_MAX = 1_024;

/** The first rows of those offered so far: by score, then as the query orders ties. */
export class TopRows {
  readonly #query: Pick<SparseQuery, 'topK' | 'orderTies' | 'judge'>;
  readonly #heap: BoundedHeap<ScoredRow>;
  // Rows of the threshold's score for which the heap has no room: they or those in it are among the first.
  #tied: Row[] = [];
  // Rows that are to be judged, by the most that they may score.
  #offered: ScoredRow[] = [];
  #threshold = -Infinity;

  constructor(query: Pick<SparseQuery, 'topK' | 'orderTies' | 'judge'>) {
    this.#query = query;
    this.#heap = new BoundedHeap<ScoredRow>(query.topK, (a, b) => b.score - a.score);
  }

  /** A row of a lower score is not among the first; one of this score may be. */
  get threshold(): number {
    return this.#threshold;
  }

  offer(row: Row, scoreMax: number): void {
    if (this.#query.judge === undefined) this.#take(row, scoreMax);
    else if (scoreMax >= this.#threshold) this.#offered.push({ row, score: scoreMax });
  }

  /** Judges what was offered, what may score most first: most of the others need not be judged then. */
  *judged(): Steps<void> {
    const { judge } = this.#query;
    if (judge === undefined || this.#offered.length === 0) return;
    const offered = this.#offered.sort((a, b) => b.score - a.score);
    this.#offered = [];
    for (const { row, score: scoreMax } of offered) {
      if (scoreMax < this.#threshold) return;
      const score = yield* judge(row, scoreMax);
      if (score !== undefined) this.#take(row, score);
    }
  }

  toSorted(): readonly ScoredRow[] {
    const all = [...this.#heap.toSorted(), ...this.#tied.map((row) => ({ row, score: this.#threshold }))];
    const isTied = ({ score }: ScoredRow, at: number): boolean => score === all[at - 1]?.score || score === all[at + 1]?.score;
    const tied = all.filter(isTied).map(({ row }) => row);
    const places = new Map(tied.length === 0 ? [] : this.#query.orderTies(tied).map((row, place) => [row, place]));
    const placeOf = ({ row }: ScoredRow): number => places.get(row) ?? 0;
    return all.sort((a, b) => b.score - a.score || placeOf(a) - placeOf(b)).slice(0, this.#query.topK);
  }

  #take(row: Row, score: number): void {
    if (score < this.#threshold) return;
    if (score === this.#threshold) return this.#tie(row);
    const displaced = this.#heap.isFull ? this.#heap.last : undefined;
    this.#heap.push({ row, score });
    if (!this.#heap.isFull) return;
    const threshold = must(this.#heap.last, 'a full heap has items').score;
    if (threshold > this.#threshold) this.#tied = [];
    else if (displaced !== undefined) this.#tie(displaced.row);
    this.#threshold = threshold;
  }

  #tie(row: Row): void {
    const { topK, orderTies } = this.#query;
    this.#tied.push(row);
    if (this.#tied.length >= topK + TIED_MAX) this.#tied = orderTies(this.#tied).slice(0, topK);
  }
}
