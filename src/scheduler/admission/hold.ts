import { must } from '../../kernel/assert.ts';
import type { JobId } from '../../kernel/ids.ts';
import type { Bundle } from '../fairness/bundle.ts';
import type { CohortNode } from '../fairness/cohort-node.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';

/** What is held for a job that comes first, and must be left alone. */
interface Hold {
  readonly jobId: JobId;
  readonly queue: CohortNode;
  readonly bundle: Bundle;
  readonly nodes: ReadonlySet<number>;
}

/** The resource class that an option competes for. */
export const resourceClass = ({ spec }: JobRecord, option: number): string => spec.options[option]?.accelerator ?? 'cpu';

/** What a job must leave alone: the reservation of its resource class, unless it is its own, or the job will be done before that starts. */
export function holdAgainst(cell: Cell, job: JobRecord, option: number): Hold | undefined {
  const reservation = cell.reservations.of(resourceClass(job, option));
  if (reservation === undefined || reservation.jobId === job.spec.id) return undefined;
  const { durationMaxMs } = job.spec.limits;
  const isBackInTime = durationMaxMs !== null && reservation.startMs !== null && cell.nowMs + durationMaxMs <= reservation.startMs;
  if (isBackInTime) return undefined;
  const { jobId, bundle, nodes, queue } = reservation;
  return { jobId, bundle, nodes: new Set(nodes), queue: must(cell.tree.queue(queue), 'the queue exists') };
}
