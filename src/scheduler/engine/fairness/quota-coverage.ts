import type { JobId } from '../../../kernel/ids.ts';
import type { Bundle, CohortNode } from './quota-tree.ts';
import { amountOf, bundleToCover } from './quota-tree.ts';

/** A job that has quota, or asks for it. */
export interface Holder {
  readonly jobId: JobId;
  readonly queue: CohortNode;
  readonly priority: number;
  /** Order of submission. */
  readonly sequence: number;
  readonly bundle: Bundle;
}

/** What determines which job comes first. */
export type Rank = Pick<Holder, 'priority' | 'sequence'>;

/** Higher priority first, then the earlier one. A total order. */
export const byRank = (a: Rank, b: Rank): number => b.priority - a.priority || a.sequence - b.sequence;

/** By resource of its queue, in the order of its accounts. */
type Quantities = readonly number[];

interface Row {
  readonly holder: Holder;
  readonly needs: Quantities;
}

/** Rows of a block, up to twice as many: few enough to go through, and many enough that there are few blocks. */
const BLOCK_ROWS = 32;

/** Holders that follow each other by rank. Where all of them fit, that is seen by what they need together. */
interface Block {
  rows: Row[];
  needs: Quantities;
  /** What those before it take of the quota that are covered; and they together with those in it. */
  usedBefore: Quantities;
  usedAfter: Quantities;
  /** Those not covered, by rank. */
  open: Holder[];
  isStale: boolean;
}

/**
 * The holders of one queue by rank, and those that its nominal quota covers: by rank, each whole or not at all. When one comes or goes, its
 * block is computed again, and of those after it only where not all fit, and only as far as what is left for them has changed.
 */
export class QuotaCoverage {
  readonly #blocks: Block[] = [];
  readonly #names: readonly string[];
  readonly #quotas: Quantities;
  readonly #nothing: Quantities;
  #openCount = 0;
  /** Blocks from here on may be stale. */
  #staleFrom = Infinity;

  constructor(queue: CohortNode) {
    this.#names = [...queue.accounts.keys()];
    this.#quotas = Array.from(queue.accounts.values(), ({ subtree }) => subtree);
    this.#nothing = this.#names.map(() => 0);
  }

  get holders(): readonly Holder[] {
    return this.#blocks.flatMap(({ rows }) => rows.map(({ holder }) => holder));
  }

  insert(holder: Holder): void {
    const needs = this.#needsOf(holder);
    if (this.#blocks.length === 0) this.#blocks.push(this.#blockOf([]));
    const at = Math.min(this.#blockFor(holder), this.#blocks.length - 1);
    const block = this.#blocks[at];
    if (block === undefined) return;
    block.rows.splice(placeIn(block, holder), 0, { holder, needs });
    block.needs = sum(block.needs, needs);
    this.#touch(block, at);
    if (block.rows.length > 2 * BLOCK_ROWS) this.#split(block, at);
  }

  delete(holder: Holder): void {
    const at = this.#blockFor(holder);
    const block = this.#blocks[at];
    const [row] = block?.rows.splice(placeIn(block, holder), 1) ?? [];
    if (block === undefined || row === undefined) return;
    block.needs = difference(block.needs, row.needs);
    this.#touch(block, at);
    if (block.rows.length > 0) return;
    this.#openCount -= block.open.length;
    this.#blocks.splice(at, 1);
  }

  covers(holder: Holder): boolean {
    this.#refresh();
    const block = this.#blocks[this.#blockFor(holder)];
    return block !== undefined && !block.open.some((other) => byRank(other, holder) === 0);
  }

  /** Whether it would be covered, were it one of them. */
  wouldCover(holder: Holder): boolean {
    return this.#fits(this.#usedBefore(holder), this.#needsOf(holder));
  }

  get hasUncovered(): boolean {
    this.#refresh();
    return this.#openCount > 0;
  }

  /** Whether one that comes after `rank` is not covered. */
  hasUncoveredBelow(rank: Rank): boolean {
    if (!this.hasUncovered) return false;
    const last = this.#blocks.findLast(({ open }) => open.length > 0)?.open.at(-1);
    return last !== undefined && byRank(last, rank) > 0;
  }

  /** Those of less priority, by rank. */
  below(priority: number): readonly Holder[] {
    return Array.from(this.#from({ priority: priority - 1, sequence: -1 }), ({ holder }) => holder);
  }

  /** Those not covered, by rank. */
  get open(): readonly Holder[] {
    return this.hasUncovered ? this.#blocks.flatMap(({ open }) => open) : [];
  }

  /** Those not covered, by rank, and what the covered take, by resource; with one more where `more` is given. */
  uncovered(more: Holder | null): { readonly open: readonly Holder[]; readonly used: ReadonlyMap<string, number> } {
    this.#refresh();
    const open = this.open.filter((holder) => more === null || byRank(holder, more) < 0);
    const rest = more === null ? [] : [{ holder: more, needs: this.#needsOf(more) }, ...this.#from(more)];
    const used = more === null ? (this.#blocks.at(-1)?.usedAfter ?? this.#nothing) : this.#fill(this.#usedBefore(more), rest, open);
    return { open, used: new Map(this.#names.map((name, index) => [name, used[index] ?? 0])) };
  }

  #touch(block: Block, at: number): void {
    block.isStale = true;
    this.#staleFrom = Math.min(this.#staleFrom, at);
  }

  #split(block: Block, at: number): void {
    const later = this.#blockOf(block.rows.splice(BLOCK_ROWS));
    block.needs = difference(block.needs, later.needs);
    this.#blocks.splice(at + 1, 0, later);
  }

  #blockOf(rows: Row[]): Block {
    const needs = rows.reduce((total, row) => sum(total, row.needs), this.#nothing);
    return { rows, needs, usedBefore: this.#nothing, usedAfter: this.#nothing, open: [], isStale: true };
  }

  #refresh(): void {
    if (this.#staleFrom === Infinity) return;
    let used = this.#blocks[this.#staleFrom - 1]?.usedAfter ?? this.#nothing;
    for (const block of this.#blocks.slice(this.#staleFrom)) {
      if (block.isStale || !isSame(used, block.usedBefore)) this.#workOut(block, used);
      used = block.usedAfter;
    }
    this.#staleFrom = Infinity;
  }

  #workOut(block: Block, usedBefore: Quantities): void {
    this.#openCount -= block.open.length;
    block.open = [];
    block.usedBefore = usedBefore;
    const isAll = this.#fits(usedBefore, block.needs);
    block.usedAfter = isAll ? sum(usedBefore, block.needs) : this.#fill(usedBefore, block.rows, block.open);
    block.isStale = false;
    this.#openCount += block.open.length;
  }

  /** Takes rows under the quota that fit, and puts the others among the `open` ones. Answers what is used then. */
  #fill(usedBefore: Quantities, rows: Iterable<Row>, open: Holder[] | null): Quantities {
    let used = usedBefore;
    for (const { holder, needs } of rows) {
      if (this.#fits(used, needs)) used = sum(used, needs);
      else open?.push(holder);
    }
    return used;
  }

  #usedBefore(rank: Rank): Quantities {
    this.#refresh();
    const block = this.#blocks[this.#blockFor(rank)];
    if (block === undefined) return this.#blocks.at(-1)?.usedAfter ?? this.#nothing;
    return this.#fill(block.usedBefore, block.rows.slice(0, placeIn(block, rank)), null);
  }

  #fits(used: Quantities, needs: Quantities): boolean {
    return needs.every((need, index) => need === 0 || (used[index] ?? 0) + need <= (this.#quotas[index] ?? 0));
  }

  #needsOf({ queue, bundle }: Holder): Quantities {
    const needed = bundleToCover(queue, bundle);
    return this.#names.map((name) => amountOf(needed, name));
  }

  /** The rows from where a rank is, or belongs. */
  *#from(rank: Rank): Iterable<Row> {
    const at = this.#blockFor(rank);
    const block = this.#blocks[at];
    if (block === undefined) return;
    yield* block.rows.slice(placeIn(block, rank));
    for (const later of this.#blocks.slice(at + 1)) yield* later.rows;
  }

  /** The first block that has a row of this rank or after it. */
  #blockFor(rank: Rank): number {
    return firstIndex(this.#blocks.length, (at) => {
      const last = this.#blocks[at]?.rows.at(-1);
      return last === undefined || byRank(last.holder, rank) >= 0;
    });
  }
}

/** Where a rank is in a block, or belongs. */
const placeIn = ({ rows }: Block, rank: Rank): number =>
  firstIndex(rows.length, (at) => {
    const row = rows[at];
    return row === undefined || byRank(row.holder, rank) >= 0;
  });

/** The first index up to `count` of which something holds that holds of all after it. */
function firstIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const sum = (a: Quantities, b: Quantities): Quantities => a.map((quantity, index) => quantity + (b[index] ?? 0));

const difference = (a: Quantities, b: Quantities): Quantities => a.map((quantity, index) => quantity - (b[index] ?? 0));

const isSame = (a: Quantities, b: Quantities): boolean => a.every((quantity, index) => quantity === b[index]);
