import type { Filter } from '../../contract/vectors/filter.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Row, Rows } from '../stored-vector.ts';
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

interface Remembered {
  readonly lsn: number;
  readonly outcome: Outcome<Selection>;
  readonly bytes: number;
}

/** Identifies the shard of a selection: any name that no other shard has. */
interface Asked {
  readonly shard: string;
  readonly namespace: number;
  readonly filter: Filter;
  readonly lsn: number;
}

/** What filters select, until their shard changes or others need the room: the least recently asked ones are forgotten. */
export class SelectionCache {
  readonly #bytesMax: number;
  // In the order of use.
  readonly #remembered = new Map<string, Remembered>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined: `select` did not come to an end. */
  recall({ shard, namespace, filter, lsn }: Asked, select: () => Outcome<Selection> | undefined): Outcome<Selection> | undefined {
    const key = JSON.stringify([shard, namespace, filter]);
    const known = this.#remembered.get(key);
    if (known !== undefined) this.#forget(key, known);
    const outcome = known?.lsn === lsn ? known.outcome : select();
    if (outcome === undefined) return undefined;
    // At two bytes a character.
    const bytes = 2 * key.length + (outcome.ok ? outcome.value.bytes : JSON.stringify(outcome.error).length);
    this.#remembered.set(key, { lsn, outcome, bytes });
    this.#bytes += bytes;
    for (const [other, item] of this.#remembered) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(other, item);
    }
    return outcome;
  }

  #forget(key: string, { bytes }: Remembered): void {
    this.#remembered.delete(key);
    this.#bytes -= bytes;
  }
}
