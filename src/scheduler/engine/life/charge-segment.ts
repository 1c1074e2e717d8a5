import { attemptIdOf } from '../../../contract/attempt.ts';
import { ledgerEvent } from './segment.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord, Attempt } from '../machine/job-record.ts';
import type { Segment } from './segment.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import { must } from '../../../kernel/assert.ts';
import { saveJob } from '../machine/changes.ts';

/** Charges the segment under way, up to now, and ends it: the job without it, and with its cost. */
export function chargeSegment(cell: Cell, job: JobRecord): JobRecord {
  const { attempt, spec } = job;
  if (attempt === null || attempt.segment === null) return job;
  const event = ledgerEvent(attemptIdOf(spec.id, attempt.fence), spec.id, attempt.fence, attempt.segment, cell.nowMs);
  if (event.quantity > 0) cell.decide({ kind: 'charge', event });
  return {
    ...job,
    costNanoDollars: job.costNanoDollars + event.amountNanoDollars,
    attempt: { ...attempt, segment: null, segmentCount: attempt.segmentCount + 1 },
  };
}

/** What an attempt is charged for from now on, at the price of now. */
export function openSegment(cell: Cell, { spec }: JobRecord, { option, poolId, placement, segmentCount }: Attempt): Segment {
  const { accelerator } = must(spec.options[option], 'the option exists');
  const { region, market } = cell.fleet.pool(poolId).spec;
  const { acceleratorCount, milliEach } = placement.demand;
  return {
    index: segmentCount,
    startedAtMs: cell.nowMs,
    milli: placement.slots.length * (accelerator === null ? WHOLE_MILLI : acceleratorCount * milliEach),
    nanoDollarsPerHour: cell.prices.priceAt({ accelerator, region, market, poolId }, cell.nowMs) ?? 0,
  };
}

/** Charges the segment under way and begins the next, for what the attempt has now and at the price of now. */
export function rollSegment(cell: Cell, job: JobRecord): void {
  const charged = chargeSegment(cell, job);
  const { attempt } = charged;
  if (attempt !== null) saveJob(cell, { ...charged, attempt: { ...attempt, segment: openSegment(cell, charged, attempt) } });
}
