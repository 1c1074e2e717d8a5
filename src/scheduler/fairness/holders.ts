import type { UndoLog } from '../model/undo-log.ts';
import type { CohortNode } from './cohort-node.ts';
import { rootOf } from './cohort-node.ts';
import type { Cover } from './guarantee.ts';
import { coverOf } from './guarantee.ts';
import { byRank } from './holder.ts';
import type { Holder, Rank } from './holder.ts';

/** Who holds quota in which queue, by rank, and how well it is covered. */
export class Holders {
  readonly #undo: UndoLog;
  readonly #byQueue = new Map<CohortNode, Holder[]>();
  /** Standings that were asked for, as far as nothing changed there. */
  readonly #asked = new Map<CohortNode, Map<string, number>>();
  /** What the holders of a queue hold together, by their priority and by resource. */
  readonly #sums = new Map<CohortNode, Map<number, Map<string, number>>>();
  /** Whom single queues and whole trees cover, as far as nothing changed there. */
  readonly #covers = new Map<CohortNode, Cover>();

  constructor(undo: UndoLog) {
    this.#undo = undo;
  }

  of(queue: CohortNode): readonly Holder[] {
    return this.#byQueue.get(queue) ?? [];
  }

  add(holder: Holder): void {
    this.#insert(holder);
    if (this.#undo.isOpen) this.#undo.note(() => this.#delete(holder));
  }

  remove(holder: Holder): void {
    this.#delete(holder);
    if (this.#undo.isOpen) this.#undo.note(() => this.#insert(holder));
  }

  /** How well the quota of a holder is covered: 0 by its own queue, more the further up its quota comes from. */
  standing({ queue, jobId }: Holder): number {
    if (this.#cover(queue).has(jobId)) return 0;
    const root = rootOf(queue);
    return root.height > 1 ? (this.#cover(root).get(jobId) ?? root.height) : 1;
  }

  /** What the holders of a queue of a priority and above hold together, by resource. */
  heldFrom(queue: CohortNode, priority: number): Map<string, number> {
    const held = new Map<string, number>();
    for (const [its, sums] of this.#sums.get(queue) ?? []) {
      if (its >= priority) for (const [resource, quantity] of sums) held.set(resource, (held.get(resource) ?? 0) + quantity);
    }
    return held;
  }

  /** Whether a queue holds more than its own quota covers. */
  hasUncovered(queue: CohortNode): boolean {
    return this.of(queue).length > this.#cover(queue).size;
  }

  /** Whether the quota of a queue leaves one without cover that comes after `rank`. */
  uncoversBelow(queue: CohortNode, rank: Rank): boolean {
    const covered = this.#cover(queue);
    const holders = this.of(queue);
    return holders.length > covered.size && holders.some((holder) => byRank(holder, rank) > 0 && !covered.has(holder.jobId));
  }

  /** The standing one would have that asks for quota. */
  standingWith(holder: Holder): number {
    const { queue, jobId, bundle } = holder;
    const root = rootOf(queue);
    const scope = root.height > 1 ? root : queue;
    const key = `${jobId} ${bundle.map(({ quantity }) => quantity).join(' ')}`;
    const asked = this.#asked.get(scope) ?? new Map<string, number>();
    this.#asked.set(scope, asked);
    const standing = asked.get(key) ?? this.#standingAmong(holder, root);
    asked.set(key, standing);
    return standing;
  }

  #standingAmong(holder: Holder, root: CohortNode): number {
    const { queue, jobId } = holder;
    const holdersOf = (member: CohortNode): readonly Holder[] =>
      member === queue ? [...this.of(member), holder].toSorted(byRank) : this.of(member);
    if (coverOf(queue, holdersOf).has(jobId)) return 0;
    return root.height > 1 ? (coverOf(root, holdersOf).get(jobId) ?? root.height) : 1;
  }

  #cover(node: CohortNode): Cover {
    const known = this.#covers.get(node) ?? coverOf(node, (queue) => this.of(queue));
    this.#covers.set(node, known);
    return known;
  }

  #insert(holder: Holder): void {
    const holders = this.#byQueue.get(holder.queue) ?? [];
    holders.splice(rankIn(holders, holder), 0, holder);
    this.#byQueue.set(holder.queue, holders);
    this.#sum(holder, 1);
    this.#forget(holder.queue);
  }

  #delete(holder: Holder): void {
    const holders = this.#byQueue.get(holder.queue) ?? [];
    holders.splice(rankIn(holders, holder), 1);
    this.#sum(holder, -1);
    this.#forget(holder.queue);
  }

  #sum({ queue, priority, bundle }: Holder, sign: 1 | -1): void {
    const byPriority = this.#sums.get(queue) ?? new Map<number, Map<string, number>>();
    const sums = byPriority.get(priority) ?? new Map<string, number>();
    for (const { resource, quantity } of bundle) sums.set(resource, (sums.get(resource) ?? 0) + sign * quantity);
    byPriority.set(priority, sums);
    this.#sums.set(queue, byPriority);
  }

  #forget(queue: CohortNode): void {
    this.#covers.delete(queue);
    this.#covers.delete(rootOf(queue));
    this.#asked.delete(queue);
    this.#asked.delete(rootOf(queue));
  }
}

/** Where a holder is among those by rank, or belongs. */
function rankIn(holders: readonly Holder[], holder: Holder): number {
  let low = 0;
  let high = holders.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = holders[middle];
    if (other !== undefined && byRank(other, holder) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
