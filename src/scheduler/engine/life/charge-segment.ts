import { attemptIdOf } from '../../../contract/attempt-names.ts';
import { ledgerEvent } from '../billing/segment.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';

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
