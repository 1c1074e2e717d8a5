import type { UndoLog } from '../model/undo-log.ts';
import type { CohortNode } from './cohort-node.ts';
import { rootOf } from './cohort-node.ts';
import type { Cover } from './guarantee.ts';
import { coverOf } from './guarantee.ts';
import { byRank } from './holder.ts';
import type { Holder } from './holder.ts';

/** Who holds quota in which queue, by rank, and how well it is covered. */
export class Holders {
  readonly #undo: UndoLog;
  readonly #byQueue = new Map<CohortNode, Holder[]>();
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

  /** Whether a queue holds more than its own quota covers. */
  hasUncovered(queue: CohortNode): boolean {
    return this.of(queue).length > this.#cover(queue).size;
  }

  /** The standing one would have that asks for quota. */
  standingWith(holder: Holder): number {
    const { queue, jobId } = holder;
    const holdersOf = (member: CohortNode): readonly Holder[] =>
      member === queue ? [...this.of(member), holder].toSorted(byRank) : this.of(member);
    if (coverOf(queue, holdersOf).has(jobId)) return 0;
    const root = rootOf(queue);
    return root.height > 1 ? (coverOf(root, holdersOf).get(jobId) ?? root.height) : 1;
  }

  #cover(node: CohortNode): Cover {
    const known = this.#covers.get(node) ?? coverOf(node, (queue) => this.of(queue));
    this.#covers.set(node, known);
    return known;
  }

  #insert(holder: Holder): void {
    const holders = this.#byQueue.get(holder.queue) ?? [];
    const before = holders.findLastIndex((other) => byRank(other, holder) < 0);
    this.#byQueue.set(holder.queue, holders.toSpliced(before + 1, 0, holder));
    this.#forget(holder.queue);
  }

  #delete(holder: Holder): void {
    this.#byQueue.set(
      holder.queue,
      this.of(holder.queue).filter(({ jobId }) => jobId !== holder.jobId),
    );
    this.#forget(holder.queue);
  }

  #forget(queue: CohortNode): void {
    this.#covers.delete(queue);
    this.#covers.delete(rootOf(queue));
  }
}
