import { must } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import { Holders } from '../fairness/holders.ts';
import type { Holder } from '../fairness/quota-coverage.ts';
import type { Bundle, CohortNode, QuotaTree } from '../fairness/quota-tree.ts';
import { bundleOf } from '../fairness/quota-tree.ts';
import type { ClusterState, Placement } from '../model/cluster-state.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { Attempt, JobRecord } from './job-record.ts';
import { holding } from './job-record.ts';

/** Which job owns which quota and which part of which node, and which still has to leave. All of it is derived from the job records. */
export class Holdings {
  readonly holders: Holders;
  readonly occupants: Occupants;
  readonly #cluster: ClusterState;
  readonly #tree: QuotaTree;
  readonly #undo: UndoLog;
  /** The jobs supposed gone, in a trial. */
  readonly #gone = new Set<JobId>();

  constructor(cluster: ClusterState, tree: QuotaTree, undo: UndoLog) {
    this.#cluster = cluster;
    this.#tree = tree;
    this.#undo = undo;
    this.holders = new Holders(undo);
    this.occupants = new Occupants(cluster, undo);
  }

  queueOf({ queue }: JobSpec): CohortNode {
    return must(this.#tree.queue(queue), 'the queue exists');
  }

  /** A job as one that asks for quota by an option: with the nodes it cannot do without. More than those count for nothing. */
  holderOf({ spec, sequence }: JobRecord, option: number, priority = spec.priority): Holder {
    const { accelerator, perNode, nodes } = must(spec.options[option], 'the option exists');
    return {
      jobId: spec.id,
      queue: this.queueOf(spec),
      priority,
      sequence,
      bundle: bundleOf(accelerator, perNode, nodes.min),
    };
  }

  /** A job as one that has quota. */
  holderWith(job: JobRecord, { option, priority }: Attempt): Holder {
    return this.holderOf(job, option, priority);
  }

  /** Counts anew what these jobs take of their queues' quotas: the tree is another one. */
  recount(jobs: readonly JobRecord[]): void {
    const owned = jobs.flatMap((job) => {
      const attempt = holding(job);
      return attempt === null ? [] : [{ job, attempt }];
    });
    for (const { job, attempt } of owned) this.#tree.recount(this.queueOf(job.spec), bundleHeld({ spec: job.spec, attempt }));
    this.holders.restart(owned.map(({ job, attempt }) => this.holderWith(job, attempt)));
  }

  /** Follows a change of a job. Answers whether it gave something back. */
  change(before: JobRecord | undefined, after: JobRecord): boolean {
    const owned = before === undefined ? null : holding(before);
    const owns = holding(after);
    const isMoved = owned?.placement !== owns?.placement;
    if (isMoved && owned !== null) this.#give(after, owned);
    if (isMoved && owns !== null) this.#take(after, owns);
    if (!isMoved && owned !== null && owns !== null) this.#rerank(after, owned, owns);
    const there = stillThere(after);
    if (there !== null || this.occupants.place(after.spec.id) !== null) this.occupants.set(after.spec.id, there);
    return isMoved && owned !== null;
  }

  /**
   * Releases what an attempt owns, unless that was done, for the duration of a trial. Quota coverage stays as it is: no trial asks it for a
   * job that the supposedly gone ones could outrank.
   */
  supposeGone(job: JobRecord, attempt: Attempt): void {
    const { id } = job.spec;
    if (this.#gone.has(id)) return;
    this.#gone.add(id);
    this.#undo.note(() => this.#gone.delete(id));
    this.#release(job, attempt);
  }

  /** As `supposeGone`, of a job whose eviction would be requested: it is still there, and no other starts on its nodes before it has left. */
  supposeLeaving(job: JobRecord, attempt: Attempt): void {
    this.supposeGone(job, attempt);
    if (attempt.startedAtMs === null) return;
    const slots = [...attempt.placement.slots, ...attempt.shedding];
    this.occupants.set(job.spec.id, { demand: attempt.placement.demand, slots });
  }

  #give(job: JobRecord, attempt: Attempt): void {
    this.#release(job, attempt);
    this.holders.remove(this.holderWith(job, attempt));
  }

  /** A job that stays where it is may have another rank. */
  #rerank(job: JobRecord, before: Attempt, after: Attempt): void {
    if (before.priority === after.priority) return;
    this.holders.remove(this.holderWith(job, before));
    this.holders.add(this.holderWith(job, after));
  }

  #release({ spec }: JobRecord, attempt: Attempt): void {
    this.#cluster.release(attempt.placement);
    this.#tree.take(this.queueOf(spec), bundleHeld({ spec, attempt }), -1);
  }

  #take(job: JobRecord, attempt: Attempt): void {
    this.#cluster.allocate(attempt.placement);
    this.#tree.take(this.queueOf(job.spec), bundleHeld({ spec: job.spec, attempt }), 1);
    this.holders.add(this.holderWith(job, attempt));
  }
}

/** What a job takes of its queue's quota. */
export const bundleHeld = ({ spec, attempt }: Pick<JobRecord, 'spec' | 'attempt'>): Bundle =>
  attempt === null
    ? []
    : bundleOf(spec.options[attempt.option]?.accelerator ?? null, attempt.placement.demand, attempt.placement.slots.length);

/** The nodes that a job occupies without owning them: all of them once it has to leave, and before that the nodes it gives up. */
function stillThere({ attempt }: JobRecord): Placement | null {
  if (attempt === null || attempt.startedAtMs === null) return null;
  const slots = attempt.leaving === null ? attempt.shedding : [...attempt.placement.slots, ...attempt.shedding];
  return slots.length === 0 ? null : { demand: attempt.placement.demand, slots };
}

/** The jobs that occupy nodes they no longer own. These may belong to other jobs already, which wait for them. */
export class Occupants {
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

  /** Whether a job must leave before work can start on these nodes: it is on the same accelerators, or something else is short until then. */
  block({ slots }: Placement): boolean {
    return slots.some(({ node, mask }) => {
      const { cpuFreeMilli, memoryFreeMib } = this.#cluster.columns;
      let cpuMilli = cpuFreeMilli[node] ?? 0;
      let memoryMib = memoryFreeMib[node] ?? 0;
      const there = this.#byNode.get(node);
      if (there === undefined) return false;
      for (const jobId of there) {
        const place = this.#places.get(jobId);
        if (place === undefined) continue;
        cpuMilli -= place.demand.cpuMilli;
        memoryMib -= place.demand.memoryMib;
        if (place.slots.some((slot) => slot.node === node && (slot.mask & mask) !== 0)) return true;
      }
      return cpuMilli < 0 || memoryMib < 0 || this.#cluster.jobsLeft(node) < there.size;
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
