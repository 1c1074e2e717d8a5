import { rootOf } from '../fairness/cohort-node.ts';
import type { CellView } from '../machine/cell-view.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { Reservation } from '../queue/reservation.ts';
import { effectivePriority } from '../queue/effective-priority.ts';
import { resourceClass } from './resource-class.ts';

/** Whether `reserve` could do something for a job without a placement: reserve nodes for it, or schedule its next examination. */
export function mayReserve(cell: CellView, job: JobRecord): boolean {
  const patientUntilMs = patientUntil(cell, job);
  if (cell.nowMs < patientUntilMs) return patientUntilMs < cell.wakesAtMs;
  const root = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
  return job.spec.options.some((_, option) => mayClaim(cell, job, cell.reservations.of(root, resourceClass(job, option))));
}

/** Until when a job that comes first lets others pass. */
export const patientUntil = ({ settings }: CellView, { submittedAtMs }: JobRecord): number => submittedAtMs + settings.headPatienceMs;

/** One reservation gives way to another only for more priority, waiting included: the first stays first. */
export function mayClaim(cell: CellView, job: JobRecord, held: Reservation | undefined): boolean {
  if (held === undefined) return true;
  return held.jobId !== job.spec.id && effectivePriority(cell, job) > effectivePriority(cell, cell.job(held.jobId));
}
