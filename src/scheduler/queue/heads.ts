import type { Bundle } from '../fairness/bundle.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import { dominantSharePpm } from '../fairness/dominant-share.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { effectivePriority, firstOf } from './effective-priority.ts';
import type { PendingClass } from './pending-class.ts';

/** A class whose first job comes next in its part of the tree. */
interface Head {
  readonly pending: PendingClass;
  readonly job: JobRecord;
  readonly priority: number;
  /** What it asks for, by its first option. */
  readonly bundle: Bundle;
}

/**
 * Who comes next. A tournament: each cohort sends the best of its members' heads up. A class that falls asleep leaves the other contests as
 * they were, so only those on its way up are held again.
 */
export class Heads {
  readonly #cell: Cell;
  readonly #entries = new Map<CohortNode, Entry | undefined>();
  /** Members with a head, the one that comes first first. */
  readonly #ranked = new Map<CohortNode, CohortNode[]>();
  /** How often classes of a tree had woken when its contests were held. */
  readonly #wakings = new Map<CohortNode, number>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** The class that is awake and whose first job comes next of all; undefined when all sleep. */
  next(): PendingClass | undefined {
    let next: Head | undefined;
    for (const root of this.#cell.pending.rootsAwake) {
      const wakings = this.#cell.pending.wakingsBelow(root);
      if (this.#wakings.get(root) !== wakings) this.#hold(root);
      this.#wakings.set(root, wakings);
      const head = this.#entries.get(root)?.head;
      if (head !== undefined && (next === undefined || byPriority(head, next) < 0)) next = head;
    }
    return next?.pending;
  }

  /** Something was given or taken in a tree: shares are other ones now. */
  changed(root: CohortNode): void {
    this.#wakings.delete(root);
  }

  /** A class has been found to have no place. */
  slept({ queue }: PendingClass): void {
    for (let node: CohortNode | null = queue; node !== null; node = node.parent) {
      const { parent } = node;
      const before = this.#entries.get(node);
      this.#enter(node);
      if (parent !== null) this.#rankAgain(parent, node, before);
    }
  }

  #hold(node: CohortNode): void {
    for (const child of node.children) this.#hold(child);
    const entered = node.children.filter((child) => this.#entries.get(child) !== undefined);
    this.#ranked.set(
      node,
      entered.sort((a, b) => this.#compare(a, b)),
    );
    this.#enter(node);
  }

  #enter(node: CohortNode): void {
    const first = this.#ranked.get(node)?.[0];
    const head = node.spec.eviction === null ? first && this.#entries.get(first)?.head : headOf(this.#cell, node);
    this.#entries.set(node, head === undefined ? undefined : entryOf(this.#cell, node, head));
  }

  /** Moves a member to where it belongs now among the others. */
  #rankAgain(cohort: CohortNode, member: CohortNode, before: Entry | undefined): void {
    const ranked = this.#ranked.get(cohort) ?? [];
    if (before !== undefined) ranked.splice(ranked.indexOf(member), 1);
    if (this.#entries.get(member) === undefined) return;
    let low = 0;
    for (let high = ranked.length; low < high;) {
      const middle = (low + high) >> 1;
      const other = ranked[middle];
      if (other !== undefined && this.#compare(other, member) < 0) low = middle + 1;
      else high = middle;
    }
    ranked.splice(low, 0, member);
  }

  #compare(a: CohortNode, b: CohortNode): number {
    const [x, y] = [this.#entries.get(a), this.#entries.get(b)];
    return x === undefined || y === undefined ? 0 : compare(this.#cell.settings.order, x, y);
  }
}

/** The head of a queue: the first of its classes that are awake. */
function headOf(cell: Cell, queue: CohortNode): Head | undefined {
  if (cell.queue(queue.spec.name).isSuspended) return undefined;
  let best: Head | undefined;
  for (const pending of cell.pending.of(queue)) {
    if (!pending.isAwake) continue;
    const job = firstOf(cell, pending);
    const head = { pending, job, priority: effectivePriority(cell, job), bundle: pending.bundle };
    if (best === undefined || byPriority(head, best) < 0) best = head;
  }
  return best;
}

/** How a member of a cohort stands beside the others, were its head given what it asks for. */
interface Entry {
  readonly head: Head;
  readonly borrows: number;
  readonly sharePpm: number;
}

function entryOf(cell: Cell, member: CohortNode, head: Head): Entry {
  const borrows = head.bundle.some(({ resource, quantity }) => {
    const account = member.accounts.get(resource);
    return account !== undefined && account.used + quantity > account.subtree;
  });
  const past = member.height === 0 ? cell.queue(member.spec.name).history.averagePpm : 0;
  return { head, borrows: borrows ? 1 : 0, sharePpm: dominantSharePpm(member, head.bundle) + past };
}

/** Who stays within its own quota first, then who has less; or, where priority rules, the other way about. */
function compare(order: 'fair' | 'priority', a: Entry, b: Entry): number {
  const byShare = a.borrows - b.borrows || a.sharePpm - b.sharePpm;
  const priority = b.head.priority - a.head.priority;
  const first = order === 'fair' ? byShare || priority : priority || byShare;
  return first || a.head.job.sequence - b.head.job.sequence;
}

const byPriority = (a: Head, b: Head): number => b.priority - a.priority || a.job.sequence - b.job.sequence;
