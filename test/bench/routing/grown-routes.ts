import { measuredMargin, ownVectors, splitRegion } from '../../../src/index/resharding/split-region.ts';
import { changed, shardAt, withDrainEnded, withLocators } from '../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../src/index/routing/route-table.ts';
import { receivers } from '../../../src/index/routing/route-table.ts';
import type { RowWish } from '../../../src/index/resharding/moved-rows.ts';
import { RowWishes } from '../../../src/index/resharding/moved-rows.ts';
import { sampleSize } from '../../../src/index/resharding/shard-splitter.ts';
import { tableAround } from '../../../src/index/routing/shard-neighbours.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt } from '../ann/vectors.ts';

/** The shards that hold each vector of an index that has grown to some number of shards. */
export interface GrownRoutes {
  readonly table: RouteTable;
  /** By vector. */
  readonly places: readonly (readonly number[])[];
}

/** An index that holds a set and grows by the decisions of its shards and locators; each change ends before the next begins. */
export class GrowingRoutes {
  readonly #set: VectorSet;
  readonly #random = new Seeded(1);
  readonly #places: number[][];
  /** By shard. */
  readonly #rows: Map<number, Set<number>>;
  #table: RouteTable;

  constructor(set: VectorSet) {
    const { metric, base } = set;
    this.#set = set;
    this.#table = withLocators({ version: 0, metric, dimensions: base.dimensions, shards: [], highest: 0, locators: 8, margin: 0 });
    this.#places = Array.from({ length: base.count }, () => [0]);
    this.#rows = new Map([[0, new Set(this.#places.keys())]]);
  }

  get routes(): GrownRoutes {
    return { table: this.#table, places: this.#places.map((shards) => [...shards]) };
  }

  /** Splits shards of more than `budget` rows, the largest first, until none is left; returns the number of splits. */
  splitAbove(budget: number): number {
    for (let splits = 0; ; splits += 1) {
      const [ordinal, rows] = [...this.#rows].reduce((largest, entry) => (entry[1].size > largest[1].size ? entry : largest));
      if (rows.size <= budget) return splits;
      this.#split(ordinal, [...rows]);
    }
  }

  /** Rebalances every shard once; returns how many rows were looked at and how many were sent. */
  tidy(): { readonly looked: number; readonly sent: number } {
    let [looked, sent] = [0, 0];
    for (const shard of this.#table.shards) {
      const into = this.#table.shards.map(({ ordinal }) => ordinal).filter((ordinal) => ordinal !== shard.ordinal);
      this.#table = changed(this.#table, { kind: 'tidy', ordinal: shard.ordinal, into });
      looked += this.#rows.get(shard.ordinal)?.size ?? 0;
      sent += this.#drain(shard.ordinal);
    }
    return { looked, sent };
  }

  #split(ordinal: number, rows: readonly number[]): void {
    const sample = this.#sample(rows);
    const around = tableAround(this.#table, ordinal);
    const own = run(ownVectors(around, ordinal, sample));
    const halves = must(run(splitRegion(this.#table, own, sample, this.#table.version)), 'word vectors differ');
    const margin = run(measuredMargin(around, ordinal, halves, own));
    this.#table = changed(this.#table, { kind: 'split', ordinal, halves, margin });
    this.#rows.set(this.#table.highest, new Set());
    this.#drain(ordinal);
  }

  #sample(members: readonly number[]): Float32Array {
    const { base } = this.#set;
    const values = new Float32Array(Math.min(sampleSize(base.dimensions), members.length) * base.dimensions);
    for (let at = 0; at < values.length; at += base.dimensions) {
      values.set(vectorAt(base, must(members[Math.floor(this.#random.next() * members.length)], 'a place in the members')), at);
    }
    return values;
  }

  /** Moves rows as the shard's state in the table demands, and ends that state; returns how many rows were sent. */
  #drain(ordinal: number): number {
    const shard = must(shardAt(this.#table, ordinal), 'a shard that drains is in the table');
    const others =
      shard.state.kind === 'tidying'
        ? this.#table.shards.filter((other) => other !== shard)
        : this.#table.shards.filter((other) => receivers(shard).includes(other.ordinal));
    const wishes = new RowWishes(ordinal, { since: shard.since, shards: [shard, ...others], margin: this.#table.margin }, this.#table);
    let sent = 0;
    for (const row of this.#rows.get(ordinal) ?? []) {
      const wish = wishes.of(vectorAt(this.#set.base, row), 0);
      if (wish !== undefined) sent += this.#grant(row, ordinal, wish, wishes.isWhole);
    }
    this.#table = withDrainEnded(this.#table, ordinal);
    return sent;
  }

  /** Decides as the locator does; returns how many shards get the row. */
  #grant(row: number, from: number, { to, isNearer, isShared }: RowWish, isWhole: boolean): number {
    const before = must(this.#places[row], 'every vector has places');
    const others = before.filter((shard) => !to.includes(shard));
    const isCopy = isShared && (isWhole || others.length === 1);
    if (!isCopy && !isNearer) return 0;
    this.#places[row] = [...others, ...to].filter((shard) => isCopy || shard !== from);
    if (!isCopy) this.#rows.get(from)?.delete(row);
    for (const shard of to) this.#rows.get(shard)?.add(row);
    return to.filter((shard) => !before.includes(shard)).length;
  }
}

function run<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
