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

/** Who comes next, tree by tree: looked for again only in a tree where something changed. */
export class Heads {
  readonly #cell: Cell;
  readonly #byRoot = new Map<CohortNode, { readonly version: number; readonly head: Head | undefined }>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  /** The class that is awake and whose first job comes next of all; undefined when all sleep. */
  next(): PendingClass | undefined {
    let next: Head | undefined;
    for (const root of this.#cell.pending.rootsAwake) {
      const head = this.#headOf(root);
      if (head !== undefined && (next === undefined || byPriority(head, next) < 0)) next = head;
    }
    return next?.pending;
  }

  /** Something was given or taken in a tree: shares are other ones now. */
  changed(root: CohortNode): void {
    this.#byRoot.delete(root);
  }

  #headOf(root: CohortNode): Head | undefined {
    const { pending } = this.#cell;
    const version = pending.versionOf(root);
    const known = this.#byRoot.get(root);
    if (known?.version === version) return known.head;
    const head = headBelow(this.#cell, root, headsByQueue(this.#cell, pending.awakeBelow(root)));
    this.#byRoot.set(root, { version, head });
    return head;
  }
}

function headsByQueue(cell: Cell, classes: Iterable<PendingClass>): Map<CohortNode, Head> {
  const heads = new Map<CohortNode, Head>();
  for (const pending of classes) {
    if (cell.queue(pending.queue.spec.name).isSuspended) continue;
    const job = firstOf(cell, pending);
    const head = { pending, job, priority: effectivePriority(cell, job), bundle: pending.bundle };
    const best = heads.get(pending.queue);
    if (best === undefined || byPriority(head, best) < 0) heads.set(pending.queue, head);
  }
  return heads;
}

/** A tournament: each cohort sends the best of its members' heads up. */
function headBelow(cell: Cell, node: CohortNode, heads: ReadonlyMap<CohortNode, Head>): Head | undefined {
  if (node.children.length === 0) return heads.get(node);
  let best: Entry | undefined;
  for (const child of node.children) {
    const head = headBelow(cell, child, heads);
    if (head === undefined) continue;
    const entry = entryOf(cell, child, head);
    if (best === undefined || compare(cell.settings.order, entry, best) < 0) best = entry;
  }
  return best?.head;
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
