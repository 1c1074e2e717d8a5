import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { JobSpec, ResourceOption } from '../model/job-spec.ts';
import type { Placement, Slot } from '../model/cluster-state.ts';
import type { Funds, Segment } from './segment.ts';

/**
 * `pending` and `evicted` wait for a placement; `admitted` has one that other jobs still have to leave; `starting` has been handed to its
 * pool; `running` is confirmed; `checkpointing` was asked to save and stop. The others are final.
 */
export type JobState =
  | 'pending'
  | 'admitted'
  | 'starting'
  | 'running'
  | 'checkpointing'
  | 'evicted'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'expired';

/** Why a job's eviction was requested, or why it lost a node. */
export type EvictionReason =
  | 'priority'
  | 'reclaim'
  | 'fair_share'
  | 'spot_notice'
  | 'node_drain'
  | 'node_lost'
  | 'max_duration'
  | 'deadline'
  | 'cost_cap'
  | 'tenant_suspended'
  | 'queue_stopped'
  /** Others of its queue have had less: it waits for its turn, or has it on other nodes. */
  | 'time_slice'
  | 'reserved'
  | 'budget_exhausted'
  | 'scaled_to_zero'
  | 'suspended'
  | 'requested'
  | 'cancelled';

/** Why a job is over that did not succeed. */
export type EndReason = 'max_duration' | 'deadline' | 'cost_cap' | 'cancelled' | 'job_failed' | 'attempts_spent' | 'dependency_failed';

/** All there is to know about a job. Plain data: it is stored as one row, and a cell is rebuilt from all of them. */
export interface JobRecord {
  readonly spec: JobSpec;
  /** Jobs of one key are equivalent. */
  readonly classKey: string;
  /** Order of submission. A job keeps its position when it is retried. */
  readonly sequence: number;
  readonly state: JobState;
  /** Of the newest attempt; 0 before the first. Rises with each. */
  readonly fence: number;
  /** The attempt under way. */
  readonly attempt: Attempt | null;
  /** Failures that count against `attemptsMax`. */
  readonly failures: number;
  readonly evictions: number;
  /** Charged so far: the sum of its ledger events. */
  readonly costNanoDollars: number;
  /** Nodes that refused it. */
  readonly avoids: readonly string[];
  readonly submittedAtMs: number;
  readonly finishedAtMs: number | null;
  readonly endReason: EndReason | null;
  /** Nodes it should have at the moment: none, or some within its option's range; null when as many as there are. */
  readonly nodesWanted: number | null;
  /** Since when its load has asked for fewer; null when it does not. */
  readonly fewerSinceMs: number | null;
  /** While it does; absent in records from before it was kept. */
  readonly fewerNodes?: FewerNodes | null;
  /** The node of its last attempt, where that was lost; absent once it has nodes again. */
  readonly lost?: LostNode;
  /** Since when it waits too long to be done by its deadline, by what its owner says; absent: it does not, or has no deadline. */
  readonly lateAtMs?: number;
  /** Its owner lets it wait. */
  readonly isHeld: boolean;
  /** Of a job whose queue takes turns: what its attempts that are over have attained, as time on the option that is fastest for it. */
  readonly attainedMs?: number;
  /** The work that its attempts that are over have saved, as the time that it took. */
  readonly savedMs?: number;
  /** The longest time of an attempt that was stopped since nothing paid for it, and had saved nothing. */
  readonly unpaidMs?: number;
}

/** A node that went, with what ran there. */
export interface LostNode {
  readonly nodeId: string;
  readonly atMs: number;
}

/** How many nodes a load has asked for since it asked for fewer than the job has. */
export interface FewerNodes {
  readonly most: number;
  readonly latest: number;
}

export interface Attempt {
  readonly fence: number;
  /** Which of the options it runs by. */
  readonly option: number;
  /** Its priority among placed jobs: its own, plus what its waiting added. */
  readonly priority: number;
  readonly poolId: PoolId;
  readonly placement: Placement;
  readonly admittedAtMs: number;
  /** When it was handed to its pool; null while other jobs are leaving its nodes. */
  readonly startedAtMs: number | null;
  readonly runningAtMs: number | null;
  /** When it last saved its work. */
  readonly savedAtMs: number | null;
  /** Set once its eviction was requested: it no longer owns its placement, but still occupies it. */
  readonly leaving: Leaving | null;
  /** Nodes it is giving up and is on still. */
  readonly shedding: readonly Slot[];
  readonly segment: Segment | null;
  readonly segmentCount: number;
  /** What it is paid from; null before it has asked, and where attempts are charged afterwards alone. */
  readonly funds: Funds | null;
}

export interface Leaving {
  readonly reason: EvictionReason;
  readonly noticeAtMs: number;
  /** From then on it is made to leave. */
  readonly graceEndsAtMs: number;
  readonly isKilled: boolean;
  /** The job that it is preempted for. */
  readonly forJob: JobId | null;
  /** Where it goes once it has left: that it owns already. */
  readonly next?: Destination;
}

/** A placement, and by which option it is had. */
export interface Destination {
  readonly option: number;
  readonly poolId: PoolId;
  readonly placement: Placement;
}

export const isFinished = ({ state }: JobRecord): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'expired';

export const isWaiting = ({ state }: JobRecord): boolean => state === 'pending' || state === 'evicted';

/** The attempt that owns its placement: not one whose eviction was requested. */
export const owner = ({ attempt }: JobRecord): Attempt | null => (attempt === null || attempt.leaving !== null ? null : attempt);

/** What a job owns: as its owner, or where it goes once it has left what it is asked to leave. */
export function holding(job: JobRecord): Attempt | null {
  const { attempt } = job;
  const next = attempt?.leaving?.next;
  return attempt === null || next === undefined ? owner(job) : { ...attempt, ...next };
}

/** The nodes that a job owns, or is giving up and still occupies. */
export const nodesOf = ({ attempt }: JobRecord): readonly number[] =>
  attempt === null ? [] : [...attempt.placement.slots, ...attempt.shedding].map(({ node }) => node);

/** How many nodes a job should have by an option: what is wanted, in whole steps and within its range. */
export function nodesWanted(job: JobRecord, { nodes }: ResourceOption): number {
  const wanted = Math.max(nodes.min, Math.min(nodes.max, job.nodesWanted ?? nodes.max));
  return nodes.min + Math.ceil((wanted - nodes.min) / nodes.step) * nodes.step;
}

/** How many steps a job has beyond its least nodes. One that is giving up nodes has none to spare before it has left those. */
export function stepsToSpare(job: JobRecord): number {
  const attempt = owner(job);
  const option = job.spec.options[attempt?.option ?? 0];
  if (attempt === null || option === undefined || attempt.shedding.length > 0) return 0;
  return Math.max(0, Math.floor((attempt.placement.slots.length - option.nodes.min) / option.nodes.step));
}

/** How many steps more a job on its nodes should have. One that is giving up nodes leaves those first, unless its parts do not need each other. */
export function stepsWanted(job: JobRecord): number {
  const attempt = owner(job);
  const option = job.spec.options[attempt?.option ?? 0];
  if (attempt === null || option === undefined || attempt.startedAtMs === null) return 0;
  if (attempt.shedding.length > 0 && job.spec.kind !== 'online_inference') return 0;
  return Math.max(0, Math.floor((nodesWanted(job, option) - attempt.placement.slots.length) / option.nodes.step));
}
