import type { JobId } from '../../../kernel/ids.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { Placement } from '../model/placement.ts';
import type { UndoLog } from '../model/undo-log.ts';

/** The jobs that occupy nodes they no longer own. These may belong to other jobs already, which wait for them. */
export class Leavers {
  readonly #undo: UndoLog;
  readonly #cluster: ClusterState;
  readonly #places = new Map<JobId, Placement>();
  readonly #byNode = new Map<number, Set<JobId>>();

  constructor(cluster: ClusterState, undo: UndoLog) {
    this.#cluster = cluster;
    this.#undo = undo;
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  place(jobId: JobId): Placement | null {
    return this.#places.get(jobId) ?? null;
  }

  /** Says where a job still is; null once it has left. */
  set(jobId: JobId, place: Placement | null): void {
    const before = this.place(jobId);
    this.#put(jobId, place);
    if (this.#undo.isOpen) this.#undo.note(() => this.#put(jobId, before));
  }

  isOn(node: number): boolean {
    return this.#byNode.has(node);
  }

  /** Memory of jobs that still occupy the nodes. */
  memoryMibOn(node: number): number {
    let memoryMib = 0;
    for (const jobId of this.#byNode.get(node) ?? []) memoryMib += this.#places.get(jobId)?.demand.memoryMib ?? 0;
    return memoryMib;
  }

  /** Whether a job must leave before work can start on these nodes: it is on the same accelerators, or CPU or memory is short until then. */
  block({ slots }: Placement): boolean {
    return slots.some(({ node, mask }) => {
      const { cpuFreeMilli, memoryFreeMib } = this.#cluster.columns;
      let cpuMilli = cpuFreeMilli[node] ?? 0;
      let memoryMib = memoryFreeMib[node] ?? 0;
      for (const jobId of this.#byNode.get(node) ?? []) {
        const place = this.#places.get(jobId);
        if (place === undefined) continue;
        cpuMilli -= place.demand.cpuMilli;
        memoryMib -= place.demand.memoryMib;
        if (place.slots.some((slot) => slot.node === node && (slot.mask & mask) !== 0)) return true;
      }
      return cpuMilli < 0 || memoryMib < 0;
    });
  }

  #put(jobId: JobId, place: Placement | null): void {
    for (const { node } of this.place(jobId)?.slots ?? []) {
      // A job that comes to be here has released something here; one that goes changes nothing else.
      this.#cluster.changes.note(node);
      const left = this.#byNode.get(node);
      left?.delete(jobId);
      if (left?.size === 0) this.#byNode.delete(node);
    }
    if (place === null) this.#places.delete(jobId);
    else this.#places.set(jobId, place);
    for (const { node } of place?.slots ?? []) this.#byNode.set(node, (this.#byNode.get(node) ?? new Set()).add(jobId));
  }
}
