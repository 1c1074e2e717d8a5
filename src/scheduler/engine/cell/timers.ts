import { Heap } from '../../../kernel/heap.ts';
import type { JobId } from '../../../kernel/ids.ts';
import type { Funds } from './segment.ts';
import { mayAsk, paidUntilMs, affordableUntilMs } from './segment.ts';
import type { CellSettings, PrepaySettings } from './cell-settings.ts';
import type { Attempt, JobRecord } from './job-record.ts';
import { isFinished } from './job-record.ts';
import type { QueueRecord } from './records.ts';
import { latestStartMs } from '../model/run-estimate.ts';

interface Timer {
  readonly atMs: number;
  readonly jobId: JobId;
}

/**
 * When each job next needs to be looked at, soonest first. A job whose time changes leaves its old entry behind, which is skipped when its
 * turn comes: `dueAtMs` of the caller says what holds.
 */
export class Timers {
  readonly #heap = new Heap<Timer>((a, b) => a.atMs - b.atMs || (a.jobId < b.jobId ? -1 : Number(a.jobId > b.jobId)));

  set(jobId: JobId, atMs: number): void {
    if (atMs !== Infinity) this.#heap.push({ atMs, jobId });
  }

  /** The soonest time that still holds; drops entries before it that do not. */
  next(dueAtMs: (jobId: JobId) => number): Timer | undefined {
    for (let { first } = this.#heap; first !== undefined; { first } = this.#heap) {
      if (dueAtMs(first.jobId) === first.atMs) return first;
      this.#heap.pop();
    }
    return undefined;
  }
}

/** What comes for a job by itself. */
type Due = 'deadline' | 'late' | 'unanswered' | 'grace' | 'duration' | 'cost' | 'ask' | 'unpaid' | 'segment' | 'fewer';

interface DueTime {
  readonly what: Due;
  readonly atMs: number;
}

/** What next comes for a job, and when; of several at once, the first named in `Due`. */
export function dueOf(job: JobRecord, settings: CellSettings): DueTime {
  const times = isFinished(job) ? [] : [...ofTheJob(job), ...ofItsAttempt(job, settings)];
  return times.reduce((first, time) => (time.atMs < first.atMs ? time : first), NEVER);
}

const NEVER: DueTime = { what: 'deadline', atMs: Infinity };

function ofTheJob({ spec, attempt, fewerSinceMs, lateAtMs }: JobRecord): DueTime[] {
  const { deadlineAtMs } = spec.limits;
  const times: DueTime[] = deadlineAtMs === null || isLeaving(attempt) ? [] : [{ what: 'deadline', atMs: deadlineAtMs }];
  if (deadlineAtMs !== null && attempt === null && lateAtMs === undefined) times.push({ what: 'late', atMs: latestStartMs(spec) + 1 });
  if (fewerSinceMs !== null && spec.scaling !== null) times.push({ what: 'fewer', atMs: fewerSinceMs + spec.scaling.cooldownMs });
  return times;
}

function ofItsAttempt({ spec, attempt, costNanoDollars }: JobRecord, { segmentMaxMs, prepay }: CellSettings): DueTime[] {
  if (attempt === null) return [];
  if (attempt.startedAtMs === null) return ofItsStart(attempt, prepay);
  const { startedAtMs, leaving, segment } = attempt;
  const { durationMaxMs, costMaxNanoDollars } = spec.limits;
  const times: DueTime[] = [];
  if (leaving !== null && !leaving.isKilled) times.push({ what: 'grace', atMs: leaving.graceEndsAtMs });
  if (leaving === null && durationMaxMs !== null) times.push({ what: 'duration', atMs: startedAtMs + durationMaxMs });
  if (leaving === null && costMaxNanoDollars !== null && segment !== null && attempt.funds === null) {
    // Early enough to pay for its grace, too.
    const brokeAtMs = affordableUntilMs(segment, Math.max(0, costMaxNanoDollars - costNanoDollars));
    times.push({ what: 'cost', atMs: Math.max(segment.startedAtMs, brokeAtMs - spec.checkpoint.graceMs) });
  }
  if (prepay !== undefined && attempt.funds !== null)
    times.push(...ofItsFunds(spec.checkpoint.graceMs, attempt, attempt.funds, prepay, segmentMaxMs));
  else if (segment !== null) times.push({ what: 'segment', atMs: segment.startedAtMs + segmentMaxMs });
  return times;
}

/** An attempt waits for its first grant so long, and no longer. */
const ofItsStart = ({ funds }: Attempt, prepay: PrepaySettings | undefined): DueTime[] =>
  prepay === undefined || funds === null || funds.askedAtMs === null ? [] : [{ what: 'unanswered', atMs: funds.askedAtMs + prepay.waitMs }];

/** A grant is followed by the next one without a gap; where none comes, the attempt has left when the present one is used up. */
function ofItsFunds(
  graceMs: number,
  attempt: Attempt,
  funds: Funds,
  { leadMs, answerMs }: PrepaySettings,
  segmentMaxMs: number,
): DueTime[] {
  const { leaving, segment } = attempt;
  const endsAtMs = paidUntilMs(attempt);
  const beganAtMs = segment?.startedAtMs ?? endsAtMs;
  const times: DueTime[] = [];
  const staysLonger = leaving === null || leaving.graceEndsAtMs > endsAtMs;
  if (staysLonger && mayAsk(funds)) times.push({ what: 'ask', atMs: Math.max(beganAtMs, endsAtMs - leadMs) });
  else if (staysLonger && funds.next === null) {
    const answerAtMs = funds.askedAtMs === null ? 0 : funds.askedAtMs + answerMs;
    times.push({ what: 'unpaid', atMs: Math.max(beganAtMs, endsAtMs - graceMs, answerAtMs) });
  }
  if (segment !== null) times.push({ what: 'segment', atMs: Math.min(endsAtMs, segment.startedAtMs + segmentMaxMs) });
  return times;
}

const isLeaving = (attempt: Attempt | null): boolean => attempt !== null && attempt.leaving !== null;

/** When the queues whose jobs take turns have their next rounds. It follows their records. */
export class RoundTimes {
  readonly #atMs = new Map<string, number>();

  note({ name, roundAtMs }: Pick<QueueRecord, 'name' | 'roundAtMs'>): void {
    if (roundAtMs === undefined) this.#atMs.delete(name);
    else this.#atMs.set(name, roundAtMs);
  }

  nextDueMs(): number {
    return Math.min(Infinity, ...this.#atMs.values());
  }

  /** The queues whose round has come, by name: so their order does not depend on how the cell came to know them. */
  due(nowMs: number): readonly string[] {
    return [...this.#atMs].flatMap(([name, atMs]) => (atMs <= nowMs ? [name] : [])).sort();
  }
}

/** Rounds begin at whole multiples of their length, so that none has to be remembered when a queue has been idle. */
export const nextRoundMs = (nowMs: number, roundMs: number): number => (Math.floor(nowMs / roundMs) + 1) * roundMs;
