import { requestEviction } from '../life/end-attempt.ts';
import type { Cell } from './cell.ts';
import { releaseHold } from './changes.ts';
import type { CellEvent } from './event.ts';
import type { EvictionReason } from './job-record.ts';
import { toEach } from './node-events.ts';

/** Cohorts and queues are others from now on. A queue that places no jobs keeps no nodes from others; one that is drained asks its jobs to leave. */
export function changeCohorts(cell: Cell, { saved, gone }: Extract<CellEvent, { readonly kind: 'change_cohorts' }>): void {
  cell.changeCohorts(saved, gone);
  for (const { name, stop } of saved) {
    if (stop === 'hold') releaseHolds(cell, name);
    if (stop === 'hold_and_drain') clearQueue(cell, name, 'queue_stopped');
  }
}

/** A queue that places no jobs: the eviction of those that are placed is requested, and no nodes are held for the others. */
export function clearQueue(cell: Cell, name: string, reason: EvictionReason): void {
  releaseHolds(cell, name);
  const jobs = cell.jobs.inOrder(cell.jobs.placed).filter(({ spec }) => spec.queue === name);
  toEach(cell, jobs, (job) => requestEviction(cell, job, { reason }));
}

function releaseHolds(cell: Cell, name: string): void {
  const held = [...cell.reservations.all].map(({ jobId }) => jobId).filter((id) => cell.jobs.get(id).spec.queue === name);
  for (const id of held) releaseHold(cell, id);
}
