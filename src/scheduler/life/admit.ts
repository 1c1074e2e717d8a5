import type { Cell } from '../machine/cell.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import type { Offer } from './offer.ts';
import { start } from './start.ts';

/** Gives a waiting job a place under a new fence, and hands it to its pool as soon as nobody is there any more. */
export function admit(cell: Cell, job: JobRecord, { option, poolId, placement }: Offer): void {
  const fence = job.fence + 1;
  const attempt: Attempt = {
    fence,
    option,
    poolId,
    placement,
    admittedAtMs: cell.nowMs,
    startedAtMs: null,
    runningAtMs: null,
    savedAtMs: null,
    leaving: null,
    shedding: [],
    segment: null,
    segmentCount: 0,
  };
  const admitted: JobRecord = { ...job, state: 'admitted', fence, attempt };
  cell.reservations.release(job.spec.id);
  cell.save(admitted);
  start(cell, admitted);
}
