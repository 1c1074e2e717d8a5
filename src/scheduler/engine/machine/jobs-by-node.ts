import type { JobId } from '../../../kernel/ids.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { JobRecord } from './job-record.ts';

/** Jobs by the nodes that concern them in any way: so an event of a node finds its jobs. */
export class JobsByNode {
  readonly #undo: UndoLog;
  readonly #nodesOf: (job: JobRecord) => readonly number[];
  readonly #byNode = new Map<number, Set<JobId>>();

  constructor(undo: UndoLog, nodesOf: (job: JobRecord) => readonly number[]) {
    this.#undo = undo;
    this.#nodesOf = nodesOf;
  }

  /** Those of one of the nodes. */
  on(nodes: Iterable<number>): ReadonlySet<JobId> {
    const ids = new Set<JobId>();
    for (const node of nodes) for (const id of this.#byNode.get(node) ?? []) ids.add(id);
    return ids;
  }

  /** Follows a change of a job. */
  change(before: JobRecord | undefined, after: JobRecord): void {
    const left = before === undefined ? [] : this.#nodesOf(before);
    const taken = this.#nodesOf(after);
    if (left.length === taken.length && left.every((node, index) => node === taken[index])) return;
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
