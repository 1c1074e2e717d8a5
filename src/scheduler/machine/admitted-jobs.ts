import type { JobId } from '../../kernel/ids.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { JobRecord } from './job-record.ts';

/** Jobs with a place that others are still leaving, by node: whoever leaves a node says who may start. */
export class AdmittedJobs {
  readonly #undo: UndoLog;
  readonly #byNode = new Map<number, Set<JobId>>();

  constructor(undo: UndoLog) {
    this.#undo = undo;
  }

  /** Those that wait for one of the nodes. */
  on(nodes: Iterable<number>): ReadonlySet<JobId> {
    const ids = new Set<JobId>();
    for (const node of nodes) for (const id of this.#byNode.get(node) ?? []) ids.add(id);
    return ids;
  }

  /** Follows a change of a job. */
  change(before: JobRecord | undefined, after: JobRecord): void {
    const [left, taken] = [nodesAwaited(before), nodesAwaited(after)];
    if (left.length === 0 && taken.length === 0) return;
    this.#put(after.spec.id, left, taken);
    this.#undo.note(() => this.#put(after.spec.id, taken, left));
  }

  #put(id: JobId, left: readonly number[], taken: readonly number[]): void {
    for (const node of left) {
      const here = this.#byNode.get(node);
      here?.delete(id);
      if (here?.size === 0) this.#byNode.delete(node);
    }
    for (const node of taken) this.#byNode.set(node, (this.#byNode.get(node) ?? new Set()).add(id));
  }
}

const nodesAwaited = (job: JobRecord | undefined): readonly number[] =>
  job?.state === 'admitted' ? (job.attempt?.placement.slots ?? []).map(({ node }) => node) : [];
