import type { WaitReason } from '../../contract/jobs/job-explanation.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { JobId } from '../../kernel/ids.ts';
import type { Blocker } from '../engine/cell/offer.ts';
import type { Explanation } from '../engine/explain/explain.ts';
import type { DeadlineOutlook } from '../engine/explain/deadline-outlook.ts';
import type { Remedy, RemedyWays } from '../engine/explain/remedy.ts';
import { explain } from '../engine/explain/explain.ts';
import type { StartForecast } from '../engine/explain/start-forecast.ts';
import { available, rootOf } from '../engine/fairness/quota-tree.ts';
import type { Cell } from '../engine/cell/cell.ts';
import type { JobRecord, LostNode } from '../engine/cell/job-record.ts';
import { isFinished } from '../engine/cell/job-record.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import type { WhyScaled, WhyTurn, WhyUnpaid, HeldModel } from './job-standing.ts';
import type { Job } from './jobs/job.ts';
import { isOffered } from './offered-kinds.ts';
import type { JobRemedy } from './owner-remedies.ts';
import { remediesForOwner } from './owner-remedies.ts';
import type { StandingReservation } from './quotas/sharing.ts';
import { isQueueOf, tenantOfQueue } from './quotas/cohort-tree.ts';

/** Why a job waits, and what would help. Of jobs of other tenants it has their number alone. Plain data. */
export interface WhyWaiting {
  readonly reason: WaitReason;
  /** One for each option, in their order; empty when none was looked at. */
  readonly blockers: readonly OptionBlocker[];
  /** Among the waiting jobs of its tenant: 1 is the first. Null when it does not wait in the queue. */
  readonly position: number | null;
  /** The next few of its tenant before it, first to last. */
  readonly ahead: readonly JobId[];
  readonly waitingElsewhereCount: number;
  /** Jobs that it depends on and that have not succeeded. */
  readonly waitsFor: readonly JobId[];
  /** Its payer was refused a grant: when it is tried again. */
  readonly retryAtMs: number | null;
  /** When there is room for it if all that run take as long as they may, and none goes before it; null when that is not known. */
  readonly roomAtMs: number | null;
  /** When it starts, as far as run times of jobs like those before it say; null: that is not known, or it does not wait for nodes. */
  readonly forecast: StartForecast | null;
  /** How many agents more would start it; null when more agents alone would not. */
  readonly agentsLacking: number | null;
  readonly remedies: readonly JobRemedy[];
}

export interface JobExplanation extends WhyWaiting {
  readonly jobId: JobId;
  readonly evicted: Evicted | null;
  /** Of a waiting job whose last attempt ended with its node. */
  readonly lost: LostNode | null;
  /** Of an unfinished job with a deadline: whether it will be met. */
  readonly outlook: DeadlineOutlook | null;
  /** Of an unfinished job that works with a model: on how many nodes that is. */
  readonly weights: HeldModel | null;
  /** Of an unfinished job whose replicas follow its load. */
  readonly scaling: WhyScaled | null;
  /** Of an unfinished job whose queue has its jobs take turns. */
  readonly turn: WhyTurn | null;
  /** Of a job that waits for money. */
  readonly budget: WhyUnpaid | null;
  /** Of a waiting job: reservations of other queues for what it asks for. */
  readonly reserved: readonly StandingReservation[];
}

/** Which job the last attempt made room for. */
export interface Evicted {
  readonly reason: (typeof FOR_OTHERS)[number];
  /** Null: one of another tenant. */
  readonly forJob: JobId | null;
}

const FOR_OTHERS = ['priority', 'reclaim', 'fair_share', 'time_slice'] as const;

/** For which job the attempt under way is asked to leave, or else the last one left; null when for none. [J190] */
export function evictedBy({ attempt, ended }: Job, isOwn: (id: JobId) => boolean): Evicted | null {
  const last = ended.at(-1);
  const isStopping = attempt !== null && attempt.stopping !== null;
  const stopped = isStopping ? attempt.stopping : last?.stoppedFor;
  const reason = FOR_OTHERS.find((one) => one === stopped);
  const forJob = (isStopping ? attempt.stoppingFor : last?.stoppedForJob) ?? null;
  return reason === undefined ? null : { reason, forJob: forJob !== null && isOwn(forJob) ? forJob : null };
}

type Held = Extract<Blocker, { readonly kind: 'held' }>;

type Reserved = Extract<Blocker, { readonly kind: 'reserved' }>;

/** Null instead of the job, or the reservation, of another tenant. */
export type OptionBlocker =
  | Exclude<Blocker, Held | Reserved>
  | (Omit<Held, 'forJob'> & { readonly forJob: JobId | null })
  | (Omit<Reserved, 'bookingId' | 'queue'> & { readonly reservation: string | null });

/** A job that runs or is over waits for nothing. */
export const NOT_WAITING: WhyWaiting = {
  reason: 'not_waiting',
  blockers: [],
  position: null,
  ahead: [],
  waitingElsewhereCount: 0,
  waitsFor: [],
  retryAtMs: null,
  roomAtMs: null,
  forecast: null,
  agentsLacking: null,
  remedies: [],
};

/** Why a job waits, in the state as it is; `ways`: what its tenant and operators can do about it. */
export function explained(cell: Cell, job: JobRecord, ways: RemedyWays): WhyWaiting {
  if (job.state === 'admitted') return { ...NOT_WAITING, reason: 'being_placed' };
  if (isFinished(job) || job.attempt !== null) return NOT_WAITING;
  return whyWaiting(cell, job.spec, explain(cell, job, ways), ways.isOwn);
}

/** What the engine says of a job, for its owner (J102). */
export function whyWaiting(cell: Cell, spec: JobSpec, explanation: Explanation, isOwn: (id: JobId) => boolean): WhyWaiting {
  const { why, position, earliestStartMs } = explanation;
  const found = reasonOf(cell, spec, explanation);
  const reason = LACKING.has(found) && !isOffered(cell, spec) ? 'kind_not_offered' : forTurns(cell, spec, found);
  if (reason === 'not_waiting') return NOT_WAITING;
  const blockers = explanation.blockers.map((blocker) => forOwner(blocker, spec, isOwn));
  return {
    reason,
    blockers,
    position,
    ahead: explanation.ahead.filter(isOwn),
    waitingElsewhereCount: waitingElsewhere(cell, spec),
    waitsFor: why.kind === 'dependencies' ? why.jobs.filter(isOwn) : [],
    retryAtMs: why.kind === 'payer_refused' ? why.retryAtMs : null,
    roomAtMs: earliestStartMs,
    forecast: null,
    agentsLacking: reason === 'no_free_agent' ? fewestNodes(explanation.remedies) : null,
    remedies: remediesForOwner(explanation.remedies, spec, isOwn, (id) => cell.bookings.find(id)?.queue),
  };
}

/** Where jobs take turns, one that finds no nodes is waiting for the next round. [J262] */
function forTurns(cell: Cell, spec: JobSpec, found: WaitReason): WaitReason {
  const takesTurns = cell.queue(spec.queue).roundAtMs !== undefined;
  return takesTurns && (found === 'no_free_agent' || found === 'others_first' || found === 'queue_quota') ? 'next_round' : found;
}

function forOwner(blocker: Blocker, spec: JobSpec, isOwn: (id: JobId) => boolean): OptionBlocker {
  if (blocker.kind === 'reserved') {
    const { bookingId, queue, ...times } = blocker;
    return { ...times, reservation: tenantOfQueue(queue) === tenantOfQueue(spec.queue) ? bookingId : null };
  }
  if (blocker.kind !== 'held') return blocker;
  return { ...blocker, forJob: isOwn(blocker.forJob) ? blocker.forJob : null };
}

function waitingElsewhere(cell: Cell, spec: JobSpec): number {
  let count = 0;
  const tenantId = tenantOfQueue(spec.queue);
  for (const { queue, jobs } of cell.pending.all) if (!isQueueOf(tenantId, queue.spec.name)) count += jobs.size;
  return count;
}

/** Of several remedies that are nodes alone, the fewest; null where more nodes alone would not do. */
function fewestNodes(remedies: readonly Remedy[]): number | null {
  const lacking = remedies.flatMap(({ steps: [step, ...others] }) => (step?.kind === 'more_nodes' && others.length === 0 ? [step.by] : []));
  return lacking.length === 0 ? null : Math.min(...lacking);
}

/** Reasons behind which may be that no agent runs jobs of this kind. */
const LACKING: ReadonlySet<WaitReason> = new Set(['no_pool', 'no_free_agent']);

function reasonOf(cell: Cell, spec: JobSpec, { why, blockers }: Explanation): WaitReason {
  switch (why.kind) {
    case 'not_waiting':
    case 'scaled_to_zero':
    case 'suspended':
    case 'queue_stopped':
    case 'dependencies':
    case 'others_first':
      return why.kind;
    case 'queue_suspended':
      return 'tenant_suspended';
    case 'payer_refused':
      return 'budget_exhausted';
    case 'blocked':
      return (
        blockers
          .map((blocker) => reasonOfBlocker(cell, spec, blocker))
          .toSorted((a, b) => CLOSENESS.indexOf(a) - CLOSENESS.indexOf(b))[0] ?? 'others_first'
      );
    default:
      return unreachable(why);
  }
}

/** Of the reasons of several options, the first of these is the one that comes closest to a start. */
const CLOSENESS: readonly WaitReason[] = [
  'others_first',
  'deadline',
  'cell_full',
  'queue_quota',
  'nodes_reserved',
  'no_free_agent',
  'too_expensive',
  'no_pool',
];

function reasonOfBlocker(cell: Cell, spec: JobSpec, blocker: Blocker): WaitReason {
  switch (blocker.kind) {
    case 'no_pool':
      return 'no_pool';
    case 'price':
      return 'too_expensive';
    case 'no_room':
    case 'exceeds_capacity':
      return 'no_free_agent';
    case 'quota':
    case 'exceeds_quota': {
      const root = rootOf(cell.holdings.queueOf(spec));
      return available(root, blocker.resource) < blocker.needed ? 'cell_full' : 'queue_quota';
    }
    case 'too_late':
      return 'deadline';
    case 'reserved':
      return 'nodes_reserved';
    case 'held':
      return 'others_first';
    default:
      return unreachable(blocker);
  }
}
