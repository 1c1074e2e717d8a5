import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { Cell } from '../cell/cell.ts';
import { releaseHold, saveJob } from '../cell/changes.ts';
import type { CellEvent } from '../cell/event.ts';
import { payableOf } from '../cell/payer-holds.ts';
import type { Attempt, JobRecord } from '../cell/job-record.ts';
import { rollSegment } from './charge-segment.ts';
import { start } from './begin-attempt.ts';
import { finish, requestEviction, requeue, wakeOf } from './end-attempt.ts';
import type { Funds } from '../cell/segment.ts';

type Answer = Extract<CellEvent, { kind: 'funded' | 'unfunded' }>;

/** Takes the answer to what an attempt asked for; one to anything else changes nothing. */
export function takeFunds(cell: Cell, answer: Answer): 'accepted' | 'stale' {
  const job = cell.jobs.find(answer.jobId);
  const attempt = job?.attempt ?? null;
  if (job === undefined || attempt === null || attempt.fence !== answer.fence) return 'stale';
  const { funds } = attempt;
  if (funds === null || funds.askedAtMs === null || funds.askedIndex !== answer.grant) return 'stale';
  const answered = { ...funds, askedAtMs: null };
  if (answer.kind === 'funded') funded(cell, job, attempt, answered, answer);
  else refused(cell, job, attempt, answered, answer);
  return 'accepted';
}

function funded(
  cell: Cell,
  job: JobRecord,
  attempt: Attempt,
  funds: Funds,
  { grant, acceleratorMs, paidAtMs }: Extract<Answer, { kind: 'funded' }>,
): void {
  const { askedPrice: price } = funds;
  const next = { index: grant, milliMs: acceleratorMs * WHOLE_MILLI, paidAtMs, ...(price === undefined ? {} : { price }) };
  const paid = { ...job, attempt: { ...attempt, funds: { ...funds, next } } };
  saveJob(cell, paid);
  const { payer } = payableOf(job);
  if (cell.payers.granted(payableOf(job), attempt.startedAtMs === null)) wakeOf(cell, payer);
  if (attempt.startedAtMs === null) start(cell, paid);
  // The answer came late: it pays from now on.
  else if (attempt.segment === null) rollSegment(cell, paid);
}

/** A running attempt goes on to the end of what is paid; one that has not started does not. */
function refused(
  cell: Cell,
  job: JobRecord,
  attempt: Attempt,
  funds: Funds,
  { refusedTo, leftNano }: Extract<Answer, { kind: 'unfunded' }>,
): void {
  if (attempt.startedAtMs !== null) saveJob(cell, { ...job, attempt: { ...attempt, funds: { ...funds, refusedTo } } });
  else if (refusedTo === 'job') finish(cell, job, 'failed', 'cost_cap');
  else giveUp(cell, job, leftNano);
}

/** Takes the placement of a job that waits for a grant in vain, and places no other of its payer, or like it, for a while. */
export function giveUp(cell: Cell, job: JobRecord, leftNano: number | null = null): void {
  const payable = payableOf(job);
  cell.payers.refuse(payable, leftNano);
  // What cannot be paid for keeps no nodes from others, nor from the job of its class that is tried next.
  const reserving = Array.from(cell.reservations.all, ({ jobId }) => cell.jobs.get(jobId));
  for (const one of reserving) if (payableOf(one).payer === payable.payer) releaseHold(cell, one.spec.id);
  requeue(cell, job, 'pending');
}

/** What is paid will be used up by then: the attempt is asked to save and stop in time. */
export function evictUnpaid(cell: Cell, job: JobRecord, goneAtMs: number): void {
  const reason = job.attempt?.funds?.refusedTo === 'job' ? 'cost_cap' : 'budget_exhausted';
  requestEviction(cell, job, { reason, goneAtMs });
}

/** Places jobs of a payer again. */
export function releasePayer(cell: Cell, payer: string): void {
  if (cell.payers.release(payer)) wakeOf(cell, payer);
}
