import type { CohortNode, QuotaTree } from '../fairness/quota-tree.ts';
import type { JobTable } from './job-table.ts';
import type { PendingQueues } from './pending-queues.ts';
import type { Reservations } from './reservations.ts';
import type { UndoLog } from '../model/undo-log.ts';

/** What of a cell may make a class worth examining. */
interface Cell {
  readonly tree: QuotaTree;
  readonly pending: PendingQueues;
  readonly reservations: Reservations;
  readonly jobs: JobTable;
  readonly undo: UndoLog;
  readonly nowMs: number;
  readonly wakesAtMs: number;
}

/** What has to be as it was for a tree to be settled still. */
interface Standing {
  /** How often quota of the tree was given back. */
  readonly givenCount: number;
  /** How often classes of the tree fell asleep. */
  readonly sleepCount: number;
  /** How often reservations have changed. */
  readonly reservedCount: number;
  readonly isShrinkable: boolean;
  readonly wakesAtMs: number;
}

/**
 * Trees in which examining a sleeping class can have no effect, until something happens there or its time comes. Nodes become free with every job that
 * ends; so each end would cost as much as there are classes that wait in all trees, whose quotas are used up in most. [J375]
 */
export class SettledTrees {
  readonly #cell: Cell;
  readonly #settled = new WeakMap<CohortNode, { readonly standing: Standing; readonly untilMs: number }>();

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  has(root: CohortNode): boolean {
    const known = this.#settled.get(root);
    if (known === undefined || this.#cell.nowMs >= known.untilMs) return false;
    const now = this.#standingOf(root);
    const { standing } = known;
    return (
      now.givenCount === standing.givenCount &&
      now.sleepCount === standing.sleepCount &&
      now.reservedCount === standing.reservedCount &&
      now.isShrinkable === standing.isShrinkable &&
      now.wakesAtMs === standing.wakesAtMs
    );
  }

  /** All sleeping classes of the tree were looked at, and to none would it matter before then. */
  note(root: CohortNode, untilMs: number): void {
    // What a trial finds holds for what it supposes.
    if (!this.#cell.undo.isOpen) this.#settled.set(root, { standing: this.#standingOf(root), untilMs });
  }

  #standingOf(root: CohortNode): Standing {
    const { tree, pending, reservations, jobs, wakesAtMs } = this.#cell;
    return {
      givenCount: tree.givenCount(root),
      sleepCount: pending.sleepsBelow(root),
      reservedCount: reservations.changeCount,
      isShrinkable: jobs.shrinkable.size > 0,
      wakesAtMs,
    };
  }
}
