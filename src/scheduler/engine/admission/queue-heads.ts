import { isWorthExamining, effectivePriority, firstOf } from '../cell/feasibility.ts';
import { dominantSharePpm } from '../fairness/dominant-share.ts';
import type { Bundle, CohortNode } from '../fairness/quota-tree.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { payerOf } from '../model/job-spec.ts';
import type { PendingClass } from '../cell/pending-queues.ts';

/** A class whose first job comes next in its part of the tree. */
interface Head {
  readonly pending: PendingClass;
  readonly job: JobRecord;
  readonly priority: number;
  /** What it asks for, by its first option. */
  readonly bundle: Bundle;
}

/** The next job, of those that are awake and whose examination may have an effect. */
export class QueueHeads {
  readonly #cell: Cell;
  readonly #contests = new Map<CohortNode, Contest>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** The class whose first job comes next of all; undefined when all sleep. */
  next(): PendingClass | undefined {
    let next: Head | undefined;
    for (const root of this.#cell.pending.rootsAwake) {
      const { head } = this.#contestIn(root);
      if (head !== undefined && (next === undefined || byPriority(head, next) < 0)) next = head;
    }
    return next?.pending;
  }

  /** Something was granted or released in a tree: its shares have changed, and with them which jobs may fit. */
  changed(root: CohortNode): void {
    this.#contests.delete(root);
  }

  /** A class was found to have no placement. */
  slept({ root, queue }: PendingClass): void {
    this.#contests.get(root)?.reexamine(queue);
  }

  /** The contest in a tree, held anew when classes have woken there. */
  #contestIn(root: CohortNode): Contest {
    const wakings = this.#cell.pending.wakingsBelow(root);
    const known = this.#contests.get(root);
    if (known?.wakings === wakings) return known;
    const contest = new Contest(this.#cell, root, wakings);
    this.#contests.set(root, contest);
    return contest;
  }
}

/**
 * A tournament: each cohort sends the best of its members' heads up. A class that falls asleep leaves the other contests as they were, so only
 * those on its way up are held again.
 */
class Contest {
  /** How often classes of the tree had woken when it was held. */
  readonly wakings: number;
  readonly #cell: Cell;
  readonly #root: CohortNode;
  readonly #entries = new Map<CohortNode, Entry>();
  /** Members with a head, the one that comes first first. */
  readonly #ranked = new Map<CohortNode, CohortNode[]>();

  constructor(cell: Cell, root: CohortNode, wakings: number) {
    this.wakings = wakings;
    this.#cell = cell;
    this.#root = root;
    const heads = headsOf(cell, cell.pending.awakeBelow(root));
    for (const queue of heads.keys()) this.#announce(queue);
    this.#hold(root, heads);
  }

  get head(): Head | undefined {
    return this.#entries.get(this.#root)?.head;
  }

  /** The head of a queue may be another one. */
  reexamine(queue: CohortNode): void {
    const head = headsOf(this.#cell, this.#cell.pending.of(queue)).get(queue);
    let before = this.#entries.get(queue);
    this.#enter(queue, head);
    for (let member = queue; member.parent !== null; member = member.parent) {
      this.#rankAgain(member.parent, member, before);
      before = this.#entries.get(member.parent);
      this.#enter(member.parent, this.#firstIn(member.parent));
    }
  }

  /** Names a queue, and the cohorts above it, as members of theirs. */
  #announce(queue: CohortNode): void {
    for (let member = queue; member.parent !== null; member = member.parent) {
      const members = this.#ranked.get(member.parent);
      members?.push(member);
      if (members !== undefined) return;
      this.#ranked.set(member.parent, [member]);
    }
  }

  #hold(node: CohortNode, heads: ReadonlyMap<CohortNode, Head>): void {
    const members = this.#ranked.get(node) ?? [];
    for (const member of members) this.#hold(member, heads);
    members.sort((a, b) => this.#compare(a, b));
    this.#enter(node, heads.get(node) ?? this.#firstIn(node));
  }

  #firstIn(cohort: CohortNode): Head | undefined {
    const [first] = this.#ranked.get(cohort) ?? [];
    return first && this.#entries.get(first)?.head;
  }

  #enter(node: CohortNode, head: Head | undefined): void {
    if (head === undefined) this.#entries.delete(node);
    else this.#entries.set(node, entryOf(this.#cell, node, head));
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

/** The heads of queues: of each the first of its classes given that are awake. Those that can hope for nothing go back to sleep. */
function headsOf(cell: Cell, classes: Iterable<PendingClass>): ReadonlyMap<CohortNode, Head> {
  const heads = new Map<CohortNode, Head>();
  for (const pending of classes) {
    const { queue } = pending;
    cell.looks.take(1);
    if (!pending.isAwake || cell.isStopped(queue)) continue;
    const hold = cell.payers.of({ payer: payerOf(pending.exemplar), classKey: pending.key });
    if (hold !== undefined) {
      cell.pending.sleep(pending);
      cell.wakeAt(hold.untilMs);
      continue;
    }
    if (!isWorthExamining(cell, pending)) {
      cell.pending.sleep(pending);
      continue;
    }
    const job = firstOf(cell, pending);
    const head = { pending, job, priority: effectivePriority(cell, job), bundle: pending.bundles[0] ?? [] };
    const best = heads.get(queue);
    if (best === undefined || byPriority(head, best) < 0) heads.set(queue, head);
  }
  return heads;
}

/** The standing of a member of a cohort among the others, if its head got what it requests. */
interface Entry {
  readonly head: Head;
  readonly borrows: number;
  readonly sharePpm: number;
  /** When it last had a job placed, where queues take turns. */
  readonly servedAtMs: number;
}

function entryOf(cell: Cell, member: CohortNode, head: Head): Entry {
  const borrows = head.bundle.some(({ resource, quantity }) => {
    const account = member.accounts.get(resource);
    return account !== undefined && account.used + quantity > account.subtree;
  });
  const { history, servedAtMs = 0 } = cell.queue(member.spec.name);
  const sharePpm = dominantSharePpm(member, head.bundle) + history.averagePpm;
  return { head, borrows: borrows ? 1 : 0, sharePpm, servedAtMs };
}

/** Members within their own quota first, then those that have less; or, where priority rules, the reverse. */
function compare(order: 'fair' | 'priority', a: Entry, b: Entry): number {
  const byShare = a.borrows - b.borrows || a.sharePpm - b.sharePpm || a.servedAtMs - b.servedAtMs;
  const priority = b.head.priority - a.head.priority;
  const first = order === 'fair' ? byShare || priority : priority || byShare;
  return first || a.head.job.sequence - b.head.job.sequence;
}

const byPriority = (a: Head, b: Head): number => b.priority - a.priority || a.job.sequence - b.job.sequence;
