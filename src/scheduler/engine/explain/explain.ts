import { must } from '../../../kernel/assert.ts';
import type { JobId, PoolId } from '../../../kernel/ids.ts';
import type { Blocker } from '../cell/offer.ts';
import { optionsInTime, optionsTooLate, runOf } from '../admission/in-time.ts';
import { soonestPlacement } from '../admission/reserve.ts';
import { tryOption } from '../admission/try-option.ts';
import { milliHeld } from '../life/charge-segment.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobState, JobRecord } from '../cell/job-record.ts';
import type { PendingClass } from '../cell/pending-queues.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { Halt } from './halt.ts';
import { haltOf } from './halt.ts';
import { remediesFor } from './remedies.ts';
import type { Remedy, RemedyWays } from './remedy.ts';

/** Why a job waits, and for how long at most. Plain data. */
export interface Explanation {
  readonly state: JobState;
  readonly why: Why;
  /** One for each option, in their order; empty when no option was looked at. */
  readonly blockers: readonly Blocker[];
  /** 1 is the first of its queue: by priority, then by submission. Null when it does not wait in the queue. */
  readonly position: number | null;
  /** The next few before it in its queue, first to last. */
  readonly ahead: readonly JobId[];
  /** When it will be placed if no job comes and all take as long as they may; null when some may take for ever. */
  readonly earliestStartMs: number | null;
  /** Where that is; null when there never is room. */
  readonly expected: ExpectedPlacement | null;
  /** Any of these would start it. [J335] */
  readonly remedies: readonly Remedy[];
}

/** The placement that a job will have if no job comes and all take as long as they may. */
export interface ExpectedPlacement {
  readonly option: number;
  readonly poolId: PoolId;
  readonly nodeIds: readonly string[];
  /** Thousandths of accelerators that it is charged for; of nodes, where it has none. */
  readonly milli: number;
  /** Of all of it, at the price of now. */
  readonly nanoDollarsPerHour: number;
  /** Null when others may take for ever. */
  readonly startMs: number | null;
}

export type Why =
  | Halt
  /** The jobs before it in its class will be examined first; in the present state it could be placed. */
  | { readonly kind: 'others_first' }
  /** None of its options gives a placement. */
  | { readonly kind: 'blocked' };

/**
 * Why a job waits. Looks at the state as it is, and changes nothing. `ways`: what its owner and operators can do, by which remedies are looked
 * for; none are where it is absent.
 */
export function explain(cell: Cell, job: JobRecord, ways?: RemedyWays): Explanation {
  const halted = haltOf(cell, job);
  const isOver = halted?.kind === 'not_waiting' || halted?.kind === 'scaled_to_zero';
  const remedies = ways === undefined || isOver ? [] : remediesFor(cell, job, ways);
  if (halted !== undefined) {
    return { state: job.state, why: halted, blockers: [], position: null, ahead: [], earliestStartMs: null, expected: null, remedies };
  }
  const tooLate = optionsTooLate(cell, job);
  const attempts = job.spec.options.map((_, option) =>
    tooLate.has(option) ? tooLateFor(cell, job, option) : tryOption(cell, job, option, 'full'),
  );
  const blockers = attempts.flatMap((attempted): Blocker[] => ('blocker' in attempted ? [attempted.blocker] : []));
  const isBlocked = blockers.length === attempts.length;
  const expected = expectedPlacement(cell, job) ?? expectedAfterBookings(cell, job);
  return {
    state: job.state,
    why: { kind: isBlocked ? 'blocked' : 'others_first' },
    blockers,
    position: positionOf(cell, job),
    ahead: aheadOf(cell, job),
    earliestStartMs: expected?.startMs ?? null,
    expected,
    remedies,
  };
}

function tooLateFor(cell: Cell, job: JobRecord, option: number): { readonly blocker: Blocker } {
  const { nodes } = must(job.spec.options[option], 'the option exists');
  return { blocker: { kind: 'too_late', option, runMs: runOf(cell, job, option, nodes.max)?.runMs ?? 0 } };
}

/** By the option that has room first; of those that may have to wait for ever, the first. */
function expectedPlacement(cell: Cell, job: JobRecord): ExpectedPlacement | null {
  const found = optionsInTime(cell, job).flatMap((option) => soonestPlacement(cell, job, option) ?? []);
  const soonest = found.toSorted((a, b) => (a.startMs ?? Infinity) - (b.startMs ?? Infinity) || 0)[0];
  if (soonest === undefined) return null;
  const { option, poolId, placement, nanoDollarsPerHour } = soonest.offer;
  return {
    option,
    poolId,
    nodeIds: placement.slots.map(({ node }) => cell.fleet.node(node).spec.id),
    milli: milliHeld(must(job.spec.options[option], 'the option exists').accelerator, placement),
    nanoDollarsPerHour,
    startMs: soonest.startMs,
  };
}

/** Where only booked nodes would do: there, once no booking is in its way. */
function expectedAfterBookings(cell: Cell, job: JobRecord): ExpectedPlacement | null {
  const bookings = cell.bookings.against(job, cell.nowMs);
  const expected = bookings.size === 0 ? null : cell.bookings.ignoring(() => expectedPlacement(cell, job));
  if (expected?.startMs == null) return expected;
  const endsMs = expected.nodeIds.map((id) => bookings.get(id)?.untilMs ?? 0);
  return { ...expected, startMs: Math.max(expected.startMs, ...endsMs) };
}

/** How many of those ahead an explanation names. */
const AHEAD_MAX = 10;

/** A job's position in its queue: by priority, then by submission. */
function positionOf(cell: Cell, job: JobRecord): number {
  let before = 0;
  for (const pending of classesOf(cell, job)) before += countBefore(pending, job);
  return before + 1;
}

interface Before {
  readonly exemplar: JobSpec;
  readonly count: number;
  /** So many of them, the first ones. */
  readonly first: (most: number) => readonly JobId[];
}

/** Which jobs are before one in its queue: of each class how many. */
export function* classesBefore(cell: Cell, job: JobRecord): Generator<Before, void> {
  for (const pending of classesOf(cell, job)) {
    const count = countBefore(pending, job);
    yield { exemplar: pending.exemplar, count, first: (most) => pending.jobs.last(Math.min(most, count), most) };
  }
}

/** The next few before a job in its queue, first to last. */
function aheadOf(cell: Cell, job: JobRecord): readonly JobId[] {
  const ahead = [...classesOf(cell, job)].flatMap((pending) =>
    pending.jobs.last(countBefore(pending, job), AHEAD_MAX).map((id) => cell.jobs.get(id)),
  );
  return ahead
    .toSorted((a, b) => b.spec.priority - a.spec.priority || a.sequence - b.sequence)
    .slice(-AHEAD_MAX)
    .map(({ spec }) => spec.id);
}

const classesOf = (cell: Cell, { spec }: JobRecord): Iterable<PendingClass> => cell.pending.of(cell.holdings.queueOf(spec));

function countBefore({ exemplar, jobs }: PendingClass, { spec, sequence }: JobRecord): number {
  if (exemplar.priority === spec.priority) return jobs.countBefore(sequence);
  return exemplar.priority > spec.priority ? jobs.size : 0;
}
