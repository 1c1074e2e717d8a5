import type { Row, Rows } from '../vector-engine.ts';
import type { RowSet } from './row-set.ts';

/** Some rows, or all rows but some: closed under negation without knowing which rows there are. */
export class Selection implements Rows {
  readonly #rows: RowSet;
  readonly #isInverted: boolean;

  constructor(rows: RowSet, isInverted = false) {
    this.#rows = rows;
    this.#isInverted = isInverted;
  }

  has(row: Row): boolean {
    return this.#rows.has(row) !== this.#isInverted;
  }

  /** The rows, when they are known one by one. */
  get rows(): RowSet | undefined {
    return this.#isInverted ? undefined : this.#rows;
  }

  /** These rows one by one, given all there are. */
  within(all: () => RowSet): RowSet {
    return this.#isInverted ? all().minus(this.#rows) : this.#rows;
  }

  /** In memory. */
  get bytes(): number {
    return [...this.#rows.chunks()].reduce((sum, [, words]) => sum + words.byteLength, 0);
  }

  not(): Selection {
    return new Selection(this.#rows, !this.#isInverted);
  }

  and(other: Selection): Selection {
    const [a, b] = [this.#rows, other.#rows];
    if (this.#isInverted) return other.#isInverted ? new Selection(a.or(b), true) : new Selection(b.minus(a));
    return new Selection(other.#isInverted ? a.minus(b) : a.and(b));
  }

  or(other: Selection): Selection {
    return this.not().and(other.not()).not();
  }
}
