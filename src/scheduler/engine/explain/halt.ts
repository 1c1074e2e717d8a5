import type { JobId } from '../../../kernel/ids.ts';
import type { Cell } from '../cell/cell.ts';
import type { JobRecord } from '../cell/job-record.ts';
import { isWaiting } from '../cell/job-record.ts';
import { payableOf } from '../cell/payer-holds.ts';

/** What keeps a job from being looked at. */
export type Halt =
  /** It is placed, or over. */
  | { readonly kind: 'not_waiting' }
  | { readonly kind: 'dependencies'; readonly jobs: readonly JobId[] }
  | { readonly kind: 'queue_suspended' }
  /** Its queue places no jobs. */
  | { readonly kind: 'queue_stopped' }
  /** Its payer was refused a grant, and is asked again then. */
  | { readonly kind: 'payer_refused'; readonly retryAtMs: number; readonly leftNano: number | null }
  /** Its owner lets it wait. */
  | { readonly kind: 'suspended' }
  /** Its load asks for no nodes at the moment. */
  | { readonly kind: 'scaled_to_zero' };

/** What keeps a job from being looked at, if anything does. */
export function haltOf(cell: Cell, job: JobRecord): Halt | undefined {
  if (!isWaiting(job)) return { kind: 'not_waiting' };
  if (job.isHeld) return { kind: 'suspended' };
  if (job.nodesWanted === 0) return { kind: 'scaled_to_zero' };
  const jobs = job.spec.dependsOn.filter((id) => cell.jobs.find(id)?.state !== 'succeeded');
  if (jobs.length > 0) return { kind: 'dependencies', jobs };
  if (cell.queue(job.spec.queue).isSuspended) return { kind: 'queue_suspended' };
  if (cell.isStopped(cell.holdings.queueOf(job.spec))) return { kind: 'queue_stopped' };
  const hold = cell.payers.of(payableOf(job));
  return hold === undefined ? undefined : { kind: 'payer_refused', retryAtMs: hold.untilMs, leftNano: hold.leftNano ?? null };
}
