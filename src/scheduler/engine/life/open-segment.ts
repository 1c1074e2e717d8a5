import type { Segment } from '../billing/segment.ts';
import type { Cell } from '../machine/cell.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import { must } from '../../../kernel/assert.ts';

/** What an attempt is charged for from now on, at the price of now. */
export function openSegment(cell: Cell, { spec }: JobRecord, { option, poolId, placement, segmentCount }: Attempt): Segment {
  const { accelerator } = must(spec.options[option], 'the option exists');
  const { region, market } = cell.fleet.pool(poolId).spec;
  const { acceleratorCount, milliEach } = placement.demand;
  return {
    index: segmentCount,
    startedAtMs: cell.nowMs,
    milli: placement.slots.length * (accelerator === null ? WHOLE_MILLI : acceleratorCount * milliEach),
    nanoDollarsPerHour: cell.prices.priceAt({ accelerator, region, market }, cell.nowMs) ?? 0,
  };
}
