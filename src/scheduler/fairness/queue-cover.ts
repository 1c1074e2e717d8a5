import { amountOf } from './bundle.ts';
import type { CohortNode } from './cohort-node.ts';
import type { Holder, Rank } from './holder.ts';
import { byRank } from './holder.ts';

/** By resource of its queue, in the order of its accounts. */
type Quantities = number[];

interface Row {
  readonly needs: Quantities;
  /** What those before it take of the quota that are covered. */
  usedBefore: Quantities;
  isCovered: boolean;
}

/**
 * The holders of one queue by rank, and whom its nominal quota covers: by rank, each whole or not at all. When one comes or goes, those after it
 * are worked out again only as far as what is left for them has changed.
 */
export class QueueCover {
  readonly holders: Holder[] = [];
  readonly #rows: Row[] = [];
  readonly #names: readonly string[];
  readonly #quotas: Quantities;
  #coveredCount = 0;
  /** Those not covered, by rank, unless that has to be looked up anew. */
  #open: readonly Holder[] | null = null;
  /** Rows from `#staleFrom` on may be wrong; beyond `#changedTo` they follow from the one before as they did. */
  #staleFrom = 0;
  #changedTo = -1;

  constructor(queue: CohortNode) {
    this.#names = [...queue.accounts.keys()];
    this.#quotas = Array.from(queue.accounts.values(), ({ subtree }) => subtree);
  }

  insert(holder: Holder): void {
    const at = this.#rankOf(holder);
    this.holders.splice(at, 0, holder);
    this.#rows.splice(at, 0, { needs: this.#needsOf(holder), usedBefore: [], isCovered: false });
    this.#touch(at, this.#changedTo >= at ? this.#changedTo + 1 : at);
  }

  delete(holder: Holder): void {
    const at = this.#rankOf(holder);
    this.holders.splice(at, 1);
    const [row] = this.#rows.splice(at, 1);
    if (row?.isCovered === true) this.#coveredCount -= 1;
    this.#touch(at, this.#changedTo > at ? this.#changedTo - 1 : at);
  }

  covers(holder: Holder): boolean {
    this.#refresh();
    return this.#rows[this.#rankOf(holder)]?.isCovered === true;
  }

  /** Whether it would be covered, were it one of them. */
  wouldCover(holder: Holder): boolean {
    return this.#fits(this.#usedBefore(this.#rankOf(holder)), this.#needsOf(holder));
  }

  get hasUncovered(): boolean {
    this.#refresh();
    return this.#coveredCount < this.#rows.length;
  }

  /** Whether one that comes after `rank` is not covered. */
  hasUncoveredBelow(rank: Rank): boolean {
    if (!this.hasUncovered) return false;
    for (let at = this.#rows.length - 1; at >= 0; at--) {
      const holder = this.holders[at];
      if (holder === undefined || byRank(holder, rank) <= 0) return false;
      if (this.#rows[at]?.isCovered === false) return true;
    }
    return false;
  }

  /** Those of less priority, by rank. */
  below(priority: number): readonly Holder[] {
    return this.holders.slice(this.#rankOf({ priority: priority - 1, sequence: -1 }));
  }

  /** Those not covered, by rank. */
  get open(): readonly Holder[] {
    if (!this.hasUncovered) return [];
    this.#open ??= this.holders.filter((_, at) => this.#rows[at]?.isCovered === false);
    return this.#open;
  }

  /** Those not covered, by rank, and what the covered take, by resource; with one more where `more` is given. */
  uncovered(more: Holder | null): { readonly open: readonly Holder[]; readonly used: ReadonlyMap<string, number> } {
    const at = more === null ? this.#rows.length : this.#rankOf(more);
    let used = this.#usedBefore(at);
    const open = more === null ? [...this.open] : this.open.filter((holder) => byRank(holder, more) < 0);
    const rest = more === null ? [] : [more, ...this.holders.slice(at)];
    for (const holder of rest) {
      const needs = this.#needsOf(holder);
      if (this.#fits(used, needs)) used = sum(used, needs);
      else open.push(holder);
    }
    return { open, used: new Map(this.#names.map((name, index) => [name, used[index] ?? 0])) };
  }

  #touch(from: number, to: number): void {
    this.#staleFrom = Math.min(this.#staleFrom, from);
    this.#changedTo = to;
    this.#open = null;
  }

  #refresh(): void {
    const rows = this.#rows;
    for (let at = this.#staleFrom; at < rows.length; at++) {
      const row = rows[at];
      if (row === undefined) break;
      const used = this.#usedAfter(at - 1);
      if (at > this.#changedTo && isSame(used, row.usedBefore)) break;
      row.usedBefore = used;
      const isCovered = this.#fits(used, row.needs);
      if (isCovered !== row.isCovered) this.#coveredCount += isCovered ? 1 : -1;
      row.isCovered = isCovered;
    }
    this.#staleFrom = Infinity;
    this.#changedTo = -1;
  }

  #usedBefore(at: number): Quantities {
    this.#refresh();
    return this.#usedAfter(at - 1);
  }

  #usedAfter(at: number): Quantities {
    const row = this.#rows[at];
    if (row === undefined) return this.#names.map(() => 0);
    return row.isCovered ? sum(row.usedBefore, row.needs) : row.usedBefore;
  }

  #fits(used: Quantities, needs: Quantities): boolean {
    return needs.every((need, index) => need === 0 || (used[index] ?? 0) + need <= (this.#quotas[index] ?? 0));
  }

  #needsOf({ bundle }: Holder): Quantities {
    return this.#names.map((name) => amountOf(bundle, name));
  }

  /** Where a holder is by rank, or belongs. */
  #rankOf(rank: Rank): number {
    let low = 0;
    let high = this.holders.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.holders[middle];
      if (other !== undefined && byRank(other, rank) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const sum = (a: Quantities, b: Quantities): Quantities => a.map((quantity, index) => quantity + (b[index] ?? 0));

const isSame = (a: Quantities, b: Quantities): boolean => a.every((quantity, index) => quantity === b[index]);
