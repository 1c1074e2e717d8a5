import type { EvictionPolicy } from '../model/pool-spec.ts';
import { must } from '../../../kernel/assert.ts';
import { available, rootOf, policyOf } from '../fairness/quota-tree.ts';
import type { Cell } from './cell.ts';
import type { JobRecord } from './job-record.ts';
import type { Reservation } from './records.ts';
import type { PendingClass } from './pending-queues.ts';

/**
 * Whether examining a class can have an effect: its quota has room for one of its jobs, others may be evicted for it, or nodes may have to
 * be reserved. For a class whose quota is used up and whose position in the queue is known, the answer is no, at little cost.
 */
export const isWorthExamining = (cell: Cell, pending: PendingClass): boolean => worthExaminingFromMs(cell, pending) <= cell.nowMs;

/** From when on it is, if nothing happens until then: no later than now where it is already, Infinity where time alone changes nothing. */
export function worthExaminingFromMs(cell: Cell, pending: PendingClass): number {
  const { queue, bundles } = pending;
  const fits = bundles.some((bundle) => bundle.every(({ resource, quantity }) => quantity <= available(queue, resource)));
  return fits || mayTakeFromOthers(cell, pending) ? cell.nowMs : mayReserveFromMs(cell, firstOf(cell, pending));
}

function mayTakeFromOthers(cell: Cell, { queue }: PendingClass): boolean {
  const { preemptWithinQueue, reclaimWithinCohort, preemptForFairShare } = policyOf(queue);
  return preemptWithinQueue || reclaimWithinCohort || preemptForFairShare || cell.jobs.shrinkable.size > 0;
}

/** From when on `reserve` could do something for a job without a placement: reserve nodes for it, or schedule its next examination. */
function mayReserveFromMs(cell: Cell, job: JobRecord): number {
  const { nowMs } = cell;
  const patientUntilMs = patientUntil(cell, job);
  if (nowMs < patientUntilMs) return patientUntilMs < cell.wakesAtMs ? nowMs : patientUntilMs;
  const root = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
  const mayNow = job.spec.options.some((_, option) => mayClaim(cell, job, cell.reservations.of(root, resourceClass(job, option))));
  return mayNow ? nowMs : agesAtMs(cell, job);
}

/** When the priority of a waiting job next rises; Infinity when it has risen as far as it may. */
function agesAtMs({ settings, nowMs }: Cell, { submittedAtMs }: JobRecord): number {
  const steps = Math.floor((nowMs - submittedAtMs) / settings.agingMs) + 1;
  return steps > settings.agingMax ? Infinity : submittedAtMs + steps * settings.agingMs;
}

/** Until when a job that comes first lets others pass. */
export const patientUntil = ({ settings }: Cell, { submittedAtMs }: JobRecord): number => submittedAtMs + settings.headPatienceMs;

/** One reservation gives way to another only for more priority, waiting included: the first stays first. */
export function mayClaim(cell: Cell, job: JobRecord, held: Reservation | undefined): boolean {
  if (held === undefined) return true;
  return held.jobId !== job.spec.id && effectivePriority(cell, job) > effectivePriority(cell, cell.jobs.get(held.jobId));
}

/** The resource class that an option competes for. */
export const resourceClass = ({ spec }: JobRecord, option: number): string => spec.options[option]?.accelerator ?? 'cpu';

/** The first waiting job of a class. */
export const firstOf = (cell: Cell, { jobs }: PendingClass): JobRecord => cell.jobs.get(must(jobs.first, 'a class has jobs'));

/** A job's priority for the order of the queue, which rises while it waits. */
export function effectivePriority({ settings, nowMs }: Cell, { spec, submittedAtMs }: JobRecord): number {
  return spec.priority + Math.min(settings.agingMax, Math.floor((nowMs - submittedAtMs) / settings.agingMs));
}

/** What holds for a job where it runs: its queue's policy and that of its pool, the stricter of both. */
export function policyFor(cell: Cell, { spec, attempt }: JobRecord): EvictionPolicy {
  const own = policyOf(cell.holdings.queueOf(spec));
  const there = attempt === null ? undefined : cell.fleet.pool(attempt.poolId).spec.eviction;
  if (there === undefined) return own;
  return {
    ...own,
    runtimeMinMs: Math.max(own.runtimeMinMs, there.runtimeMinMs),
    graceMaxMs: Math.min(own.graceMaxMs, there.graceMaxMs),
    leavingMaxCount: Math.min(own.leavingMaxCount, there.leavingMaxCount),
    protectedPriority: lower(own.protectedPriority, there.protectedPriority),
    protectedKinds: [...own.protectedKinds, ...there.protectedKinds],
  };
}

const lower = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));
