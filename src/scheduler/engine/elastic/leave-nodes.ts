import { startOn } from '../life/begin-attempt.ts';
import type { Cell } from '../machine/cell.ts';
import { saveJob } from '../machine/changes.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { leaveNodes } from '../weights/node-weights.ts';
import { giveUpSurplus } from './follow-load.ts';

/** The job has left nodes that it was giving up: others start there, and it gives up what it should have no longer. */
export function leftNodes(cell: Cell, job: JobRecord, attempt: Attempt, isLeft: (node: number) => boolean): void {
  const left = attempt.shedding.map(({ node }) => node).filter(isLeft);
  if (left.length === 0) return;
  saveJob(cell, { ...job, attempt: { ...attempt, shedding: attempt.shedding.filter(({ node }) => !isLeft(node)) } });
  leaveNodes(cell, job, left);
  startOn(cell, left);
  giveUpSurplus(cell, cell.jobs.get(job.spec.id));
}
