import { must } from '../../../kernel/assert.ts';
import type { CellView } from '../machine/cell-view.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { PendingClass } from './pending-class.ts';

/** The first waiting job of a class. */
export const firstOf = (cell: CellView, { jobs }: PendingClass): JobRecord => cell.job(must(jobs.first, 'a class has jobs'));

/** A job's priority for the order of the queue, which rises while it waits. */
export function effectivePriority({ settings, nowMs }: CellView, { spec, submittedAtMs }: JobRecord): number {
  return spec.priority + Math.min(settings.agingMax, Math.floor((nowMs - submittedAtMs) / settings.agingMs));
}
