import { attemptIdOf } from '../../../contract/jobs/attempt.ts';
import { ledgerEvent, drawn, spent, mayAsk, NO_FUNDS } from '../cell/segment.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord, Attempt } from '../cell/job-record.ts';
import type { Segment } from '../cell/segment.ts';
import type { Placement } from '../model/cluster-state.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import { must } from '../../../kernel/assert.ts';
import { saveJob } from '../cell/changes.ts';
import { needMs } from './need-of.ts';
import { poolPrice } from '../cell/pool-price.ts';
import type { TimeSlice } from '../fairness/quota-tree.ts';

/** Charges the segment under way, up to now, and ends it: the job without it, and with its cost. */
export function chargeSegment(cell: Cell, job: JobRecord): JobRecord {
  const { attempt, spec } = job;
  if (attempt === null || attempt.segment === null) return job;
  const { fence, segment, funds, option, poolId, placement } = attempt;
  const event = ledgerEvent(attemptIdOf(spec.id, fence), spec.id, fence, segment, cell.nowMs, {
    poolId,
    nodes: placement.slots.length,
    accelerator: must(spec.options[option], 'the option exists').accelerator,
    grant: funds?.current ?? null,
  });
  if (event.quantity > 0) cell.decide({ kind: 'charge', event });
  return {
    ...job,
    costNanoDollars: job.costNanoDollars + event.amountNanoDollars,
    attempt: { ...attempt, segment: null, segmentCount: attempt.segmentCount + 1, funds: spent(funds, event.quantity) },
  };
}

/** Accelerators of a placement, in thousandths; without any, its nodes count as whole ones. */
export const milliHeld = (accelerator: string | null, { demand, slots }: Placement): number =>
  slots.length * (accelerator === null ? WHOLE_MILLI : demand.acceleratorCount * demand.milliEach);

/** What an attempt is charged for from now on: at the price of the grant that pays for it, or of now where none does. */
export function openSegment(cell: Cell, { spec }: JobRecord, { option, poolId, placement, segmentCount, funds }: Attempt): Segment {
  const { accelerator } = must(spec.options[option], 'the option exists');
  const grant = funds?.current ?? null;
  const price = grant?.price ?? poolPrice(cell, poolId, accelerator);
  // What an earlier version granted is billed as it reserved it.
  const isNamed = price !== undefined && (grant === null || grant.price !== undefined);
  return {
    index: segmentCount,
    startedAtMs: cell.nowMs,
    milli: milliHeld(accelerator, placement),
    nanoDollarsPerHour: price?.nanoDollarsPerHour ?? 0,
    ...(isNamed ? { priceId: price.id } : {}),
  };
}

/**
 * Charges the segment under way and begins the next, for what the attempt has now. Where no grant is left to pay for
 * it, nothing more is charged.
 */
export function rollSegment(cell: Cell, job: JobRecord): void {
  const charged = chargeSegment(cell, job);
  const { attempt } = charged;
  if (attempt === null) return;
  const { accelerator } = must(job.spec.options[attempt.option], 'the option exists');
  const funds = drawn(attempt.funds, milliHeld(accelerator, attempt.placement));
  const next = openSegment(cell, charged, { ...attempt, funds });
  const isUnpaid = funds !== null && funds.current === null;
  const paid = funds === null ? null : { ...funds, endedAtMs: isUnpaid ? cell.nowMs : null };
  saveJob(cell, { ...charged, attempt: { ...attempt, funds: paid, segment: isUnpaid ? null : next } });
}

/** Asks for the next grant of an attempt, at the price of now, unless it waits for one, has one, or was refused. */
export function askFunds(cell: Cell, job: JobRecord): void {
  const { attempt, spec } = job;
  const funds = attempt?.funds ?? NO_FUNDS;
  if (attempt === null || !mayAsk(funds)) return;
  const grant = funds.askedIndex + 1;
  const { accelerator } = must(spec.options[attempt.option], 'the option exists');
  const { askedPrice: _, ...rest } = funds;
  const price = poolPrice(cell, attempt.poolId, accelerator);
  const askedFor = { askedIndex: grant, askedAtMs: cell.nowMs, ...(price === undefined ? {} : { askedPrice: price }) };
  saveJob(cell, { ...job, attempt: { ...attempt, funds: { ...rest, ...askedFor } } });
  const milli = milliHeld(accelerator, attempt.placement);
  const priceId = price?.id ?? null;
  cell.decide({
    kind: 'fund',
    jobId: spec.id,
    fence: attempt.fence,
    grant,
    milli,
    priceId,
    needMs: grant === 0 ? needMs(cell, job) : null,
  });
}

/**
 * By option: how fast a job is there, as a part of its fastest. Measured, where all of its options have been; else as its owner says: the two
 * do not compare.
 */
export function speedsOf(cell: Cell, { spec, classKey }: JobRecord): readonly number[] {
  const measured = spec.options.flatMap((_, option) => cell.throughputs.of(classKey, option) ?? []);
  const rates = measured.length === spec.options.length ? measured : spec.options.map(({ throughputHintMilli }) => throughputHintMilli);
  const fastest = Math.max(1, ...rates);
  return rates.map((rate) => rate / fastest);
}

/** How long a job has run in all, each attempt by how fast its option is for the job, and less what beginning it costs. [J260] */
export function attainedMs(cell: Cell, job: JobRecord, { moveMs }: TimeSlice, { nowMs }: { readonly nowMs: number } = cell): number {
  const { attempt } = job;
  const before = job.attainedMs ?? 0;
  if (attempt === null || attempt.runningAtMs === null) return before;
  const workedMs = Math.max(0, nowMs - attempt.runningAtMs - moveMs);
  return before + Math.round(workedMs * (speedsOf(cell, job)[attempt.option] ?? 1));
}
