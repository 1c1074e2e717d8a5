import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { chargeSegment } from './charge-segment.ts';
import { openSegment } from './open-segment.ts';

/** Charges the segment under way and begins the next, for what the attempt has now and at the price of now. */
export function rollSegment(cell: Cell, job: JobRecord): void {
  const charged = chargeSegment(cell, job);
  const { attempt } = charged;
  if (attempt !== null) cell.save({ ...charged, attempt: { ...attempt, segment: openSegment(cell, charged, attempt) } });
}
