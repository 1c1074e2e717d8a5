import { finish } from '../life/end-attempt.ts';
import { rollSegment } from '../life/roll-segment.ts';
import { tellToLeave } from '../life/tell-to-leave.ts';
import type { Cell } from './cell.ts';
import { dueOf } from './due-at.ts';
import type { JobRecord } from './job-record.ts';

/** Jobs that one step looks at because their time has come. */
export const TIMERS_A_STEP = 1_000;

/** Does what time has brought, for so many jobs at most. */
export function tick(cell: Cell, countMax: number): void {
  for (let count = 0; count < countMax; count++) {
    const job = cell.nextDue();
    if (job === undefined) return;
    ACT[dueOf(job, cell.settings).what](cell, job);
  }
}

const ACT = {
  deadline(cell: Cell, job: JobRecord): void {
    if (job.attempt === null) finish(cell, job, 'expired', 'deadline');
    else tellToLeave(cell, job, { reason: 'deadline' });
  },
  /** Its grace is over: from now on it is killed. Its nodes are free once its pool confirms it. */
  grace(cell: Cell, job: JobRecord): void {
    const { attempt } = job;
    if (attempt === null || attempt.leaving === null) return;
    cell.save({ ...job, attempt: { ...attempt, leaving: { ...attempt.leaving, isKilled: true } } });
    cell.decide({ kind: 'kill', jobId: job.spec.id, fence: attempt.fence });
  },
  duration: (cell: Cell, job: JobRecord): void => tellToLeave(cell, job, { reason: 'max_duration' }),
  cost: (cell: Cell, job: JobRecord): void => tellToLeave(cell, job, { reason: 'cost_cap' }),
  segment: rollSegment,
};
