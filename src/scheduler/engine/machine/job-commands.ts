import { steady, wantNodes } from '../elastic/follow-load.ts';
import { rootOf } from '../fairness/quota-tree.ts';
import { finish, requestEviction } from '../life/end-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import { releaseHold, saveJob } from '../cell/changes.ts';
import type { CellEvent } from '../cell/event.ts';
import type { JobRecord } from '../cell/job-record.ts';

const COMMANDS = ['cancel', 'hold', 'preempt', 'reprioritise', 'scale'] as const satisfies readonly CellEvent['kind'][];

export type JobCommand = Extract<CellEvent, { readonly kind: (typeof COMMANDS)[number] }>;

export const isJobCommand = (event: CellEvent): event is JobCommand => (COMMANDS as readonly CellEvent['kind'][]).includes(event.kind);

/** Does with an unfinished job what its owner wants. */
export function command(cell: Cell, job: JobRecord, event: JobCommand): void {
  switch (event.kind) {
    case 'cancel':
      if (job.attempt === null) finish(cell, job, 'cancelled', 'cancelled');
      else requestEviction(cell, job, { reason: 'cancelled' });
      return;
    case 'hold':
      return hold(cell, job, event.isHeld);
    case 'preempt':
      return requestEviction(cell, job, { reason: 'requested' });
    case 'reprioritise':
      return reprioritise(cell, job, event.priority);
    case 'scale':
      return wantNodes(cell, job, steady(event.nodes));
  }
}

/** A held job has no placement; it waits for none until it is let go. */
function hold(cell: Cell, job: JobRecord, isHeld: boolean): void {
  if (job.isHeld === isHeld) return;
  const held = { ...job, isHeld };
  saveJob(cell, held);
  if (!isHeld) return;
  releaseHold(cell, job.spec.id);
  requestEviction(cell, held, { reason: 'suspended' });
}

/** Gives a job another priority: a placed one keeps what its waiting has added to it. Jobs that it outranks no longer are examined again. */
function reprioritise(cell: Cell, job: JobRecord, priority: number): void {
  const change = priority - job.spec.priority;
  if (change === 0) return;
  const { spec, classKey } = cell.shapes.shared({ ...job.spec, priority });
  const [, avoided] = job.classKey.split('\n');
  releaseHold(cell, spec.id);
  saveJob(cell, {
    ...job,
    spec,
    classKey: avoided === undefined ? classKey : `${classKey}\n${avoided}`,
    attempt: job.attempt === null ? null : { ...job.attempt, priority: job.attempt.priority + change },
  });
  cell.pending.wakeBelow(rootOf(cell.holdings.queueOf(spec)), () => true);
}
