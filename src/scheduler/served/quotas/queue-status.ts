import { shareOfPpm } from '../../engine/fairness/dominant-share.ts';
import type { CohortNode } from '../../engine/fairness/quota-tree.ts';
import { available } from '../../engine/fairness/quota-tree.ts';
import type { Cell } from '../../engine/cell/cell.ts';
import { bundleHeld } from '../../engine/cell/holdings.ts';
import { owner } from '../../engine/cell/job-record.ts';

/** What a queue or a cohort has of one resource, in thousandths of an accelerator or of a core, or in MiB. */
export interface ResourceUsage {
  readonly resource: string;
  readonly used: number;
  /** What it is granted of what its tenant, or the operator, says. */
  readonly nominal: number;
  /** What it could take now; null where it is not limited. */
  readonly available: number | null;
}

/** How a queue or a cohort stands. Plain data. */
export interface QueueStatus {
  /** Jobs that wait for nodes; those that wait for others, or that their owners suspended, are none. */
  readonly pending: number;
  /** Jobs with nodes. */
  readonly admitted: number;
  /** By resource. */
  readonly usage: readonly ResourceUsage[];
  /** Of all that there is, in millionths: what it has of the resource of which it has most, the same averaged over the last minutes, and what it
   * would have if all that have jobs now shared by their weights. */
  readonly sharePpm: number;
  readonly recentPpm: number;
  readonly fairPpm: number;
}

export const IDLE: QueueStatus = { pending: 0, admitted: 0, usage: [], sharePpm: 0, recentPpm: 0, fairPpm: 0 };

const ALL_PPM = 1_000_000;
/** Shares of the engine are those of one with a weight of a thousand. */
const WEIGHT_MILLI = 1_000;

/** How queues and cohorts stand, all counted in one pass over the jobs that run. */
export class QueueStatuses {
  readonly #cell: Cell;
  readonly #admitted = new Map<string, number>();
  readonly #used = new Map<string, Map<string, number>>();

  constructor(cell: Cell) {
    this.#cell = cell;
    for (const id of cell.jobs.placed) {
      const job = cell.jobs.get(id);
      const attempt = owner(job);
      for (let node: CohortNode | null = cell.holdings.queueOf(job.spec); node !== null; node = node.parent) {
        const { name } = node.spec;
        this.#admitted.set(name, (this.#admitted.get(name) ?? 0) + 1);
        const used = this.#used.get(name) ?? new Map<string, number>();
        this.#used.set(name, used);
        if (attempt === null) continue;
        for (const { resource, quantity } of bundleHeld({ spec: job.spec, attempt }))
          used.set(resource, (used.get(resource) ?? 0) + quantity);
      }
    }
  }

  /** `name`: as the engine calls it. One that is not there yet has nothing. */
  of(name: string): QueueStatus {
    const node = this.#cell.tree.find(name);
    if (node === undefined) return IDLE;
    const used = this.#used.get(name) ?? new Map<string, number>();
    const { weightMilli, quotas } = node.spec;
    const resources = [...new Set([...Object.keys(quotas), ...used.keys()])].toSorted();
    const unweighted = (ppm: number): number => Math.floor((ppm * weightMilli) / WEIGHT_MILLI);
    return {
      pending: this.#pending(node),
      admitted: this.#admitted.get(name) ?? 0,
      usage: resources.map((resource) => ({
        resource,
        used: used.get(resource) ?? 0,
        nominal: quotas[resource]?.nominal ?? 0,
        available: finite(available(node, resource)),
      })),
      sharePpm: unweighted(shareOfPpm(node, used)),
      recentPpm: unweighted(this.#cell.queue(name).history.averagePpm),
      fairPpm: this.#fairPpm(node),
    };
  }

  #pending(node: CohortNode): number {
    let count = 0;
    for (const { jobs } of this.#cell.pending.of(node)) count += jobs.size;
    return node.children.reduce((sum, child) => sum + this.#pending(child), count);
  }

  #fairPpm(node: CohortNode): number {
    if (node.parent === null) return ALL_PPM;
    const busy = node.parent.children.filter((sibling) => sibling === node || this.#isBusy(sibling));
    const weights = busy.reduce((sum, { spec }) => sum + spec.weightMilli, 0);
    return Math.floor((this.#fairPpm(node.parent) * node.spec.weightMilli) / weights);
  }

  #isBusy(node: CohortNode): boolean {
    return (this.#admitted.get(node.spec.name) ?? 0) > 0 || this.#pending(node) > 0;
  }
}

const finite = (quantity: number): number | null => (quantity === Infinity ? null : Math.max(0, quantity));
