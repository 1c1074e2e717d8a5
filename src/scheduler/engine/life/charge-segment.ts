import { attemptIdOf } from '../../../contract/attempt.ts';
import { ledgerEvent } from './segment.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord, Attempt } from '../machine/job-record.ts';
import type { Segment } from './segment.ts';
import type { Placement } from '../model/cluster-state.ts';
import { drawn, spent } from './funds.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import { must } from '../../../kernel/assert.ts';
import { saveJob } from '../machine/changes.ts';

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

/** What an attempt is charged for from now on, at the price of now. */
export function openSegment(cell: Cell, { spec }: JobRecord, { option, poolId, placement, segmentCount }: Attempt): Segment {
  const { accelerator } = must(spec.options[option], 'the option exists');
  const { region, market } = cell.fleet.pool(poolId).spec;
  return {
    index: segmentCount,
    startedAtMs: cell.nowMs,
    milli: milliHeld(accelerator, placement),
    nanoDollarsPerHour: cell.prices.priceAt({ accelerator, region, market, poolId }, cell.nowMs) ?? 0,
  };
}

/**
 * Charges the segment under way and begins the next, for what the attempt has now and at the price of now. Where no grant is left to pay for
 * it, nothing more is charged.
 */
export function rollSegment(cell: Cell, job: JobRecord): void {
  const charged = chargeSegment(cell, job);
  const { attempt } = charged;
  if (attempt === null) return;
  const next = openSegment(cell, charged, attempt);
  const funds = drawn(attempt.funds, next.milli);
  const isUnpaid = funds !== null && funds.current === null;
  const paid = funds === null ? null : { ...funds, endedAtMs: isUnpaid ? cell.nowMs : null };
  saveJob(cell, { ...charged, attempt: { ...attempt, funds: paid, segment: isUnpaid ? null : next } });
}
