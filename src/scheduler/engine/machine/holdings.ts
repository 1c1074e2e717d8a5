import { must } from '../../../kernel/assert.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { Bundle } from '../fairness/bundle.ts';
import { bundleOf } from '../fairness/bundle.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import type { Holder } from '../fairness/holder.ts';
import { Holders } from '../fairness/holders.ts';
import type { QuotaTree } from '../fairness/quota-tree.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { Placement } from '../model/placement.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { Attempt, JobRecord } from './job-record.ts';
import { owner } from './job-record.ts';
import { Leavers } from './leavers.ts';

/** Which job owns which quota and which part of which node, and which still has to leave. All of it is derived from the job records. */
export class Holdings {
  readonly holders: Holders;
  readonly leavers: Leavers;
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
    this.leavers = new Leavers(cluster, undo);
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

  /** Follows a change of a job. Answers whether it gave something back. */
  change(before: JobRecord | undefined, after: JobRecord): boolean {
    const owned = before === undefined ? null : owner(before);
    const owns = owner(after);
    const isMoved = owned?.placement !== owns?.placement;
    if (isMoved && owned !== null) this.#give(after, owned);
    if (isMoved && owns !== null) this.#take(after, owns);
    const there = stillThere(after);
    if (there !== null || this.leavers.place(after.spec.id) !== null) this.leavers.set(after.spec.id, there);
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
    this.leavers.set(job.spec.id, { demand: attempt.placement.demand, slots });
  }

  #give(job: JobRecord, attempt: Attempt): void {
    this.#release(job, attempt);
    this.holders.remove(this.holderWith(job, attempt));
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
