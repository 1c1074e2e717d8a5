import { admit } from '../life/begin-attempt.ts';
import { destine, requestEviction, toEach } from '../life/end-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import { releaseHold } from '../cell/changes.ts';
import { planRound } from './plan-round.ts';
import { nextRoundMs } from '../cell/timers.ts';

/** Lets the jobs of queues take turns whose round has come. [J261] */
export function turnRounds(cell: Cell): void {
  for (const name of cell.rounds.due(cell.nowMs)) turnRound(cell, name);
}

function turnRound(cell: Cell, name: string): void {
  const queue = cell.tree.queue(name);
  const slice = queue?.spec.timeSlice;
  if (queue === undefined || slice === undefined || cell.holdings.holders.below(queue, Infinity).length === 0) {
    const { roundAtMs: _, ...record } = cell.queue(name);
    return cell.saveQueue(record);
  }
  cell.saveQueue({ ...cell.queue(name), roundAtMs: nextRoundMs(cell.nowMs, slice.roundMs) });
  if (cell.isStopped(queue)) return;
  // A job that waits for its turn gets nodes by it: the nodes that were held for it are the others', too.
  const held = [...cell.reservations.all].filter(({ jobId }) => cell.jobs.get(jobId).spec.queue === name);
  for (const { jobId } of held) releaseHold(cell, jobId);
  const { leaving, placed } = planRound(cell, queue, slice);
  // All of them leave first: they go where others of them are.
  toEach(cell, leaving, (job) => requestEviction(cell, job, { reason: 'time_slice' }));
  for (const { job, offer } of placed) {
    const now = cell.jobs.get(job.spec.id);
    if (now.attempt === null) admit(cell, now, offer);
    else destine(cell, now, offer);
  }
}
