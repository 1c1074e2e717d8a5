import type { JobKind } from '../../contract/jobs/job-work.ts';
import type { JobId } from '../../kernel/ids.ts';
import type { Remedy, RemedyStep } from '../engine/explain/remedy.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import { kindRequired, namedDomains } from './offered-kinds.ts';
import { quotaOwnerOf } from './remedy-ways.ts';
import type { QuotaOwner } from './remedy-ways.ts';
import { isQueueOf, tenantOfQueue } from './quotas/cohort-tree.ts';

/** What would start a job, for its owner: of jobs of other tenants it has their number alone. Plain data. */
export interface JobRemedy {
  readonly steps: readonly JobRemedyStep[];
  readonly evicts: { readonly jobIds: readonly JobId[]; readonly otherCount: number };
}

type MoreQuota = Extract<RemedyStep, { readonly kind: 'more_quota' }>;
type MoreNodes = Extract<RemedyStep, { readonly kind: 'more_nodes' }>;
type EndReservation = Extract<RemedyStep, { readonly kind: 'end_reservation' }>;
type OfQueue = Extract<RemedyStep, { readonly queue: string }>;
type WithQueue<Step> = Step extends OfQueue ? Omit<Step, 'queue'> & { readonly queue: string } : never;

export type JobRemedyStep =
  | Exclude<RemedyStep, MoreQuota | MoreNodes | EndReservation | OfQueue>
  | (Omit<MoreQuota, 'owner'> & { readonly owner: QuotaOwner })
  /** `runs`: the kind of job that the operator of these nodes has to allow; null: every node runs it. */
  | (MoreNodes & { readonly runs: JobKind | null })
  /** Null: of another tenant. */
  | (Omit<EndReservation, 'bookingId'> & { readonly reservation: string | null })
  | WithQueue<OfQueue>;

/** Remedies as the owner of a job sees them; `queueOfBooking`: the queue that nodes are reserved for. */
export const remediesForOwner = (
  remedies: readonly Remedy[],
  spec: JobSpec,
  isOwn: (id: JobId) => boolean,
  queueOfBooking: (id: string) => string | undefined,
): readonly JobRemedy[] =>
  remedies.map(({ steps, evicts }) => {
    const jobIds = evicts.filter(isOwn);
    return {
      steps: steps.map((step) => stepForOwner(step, spec, queueOfBooking)),
      evicts: { jobIds, otherCount: evicts.length - jobIds.length },
    };
  });

function stepForOwner(step: RemedyStep, spec: JobSpec, queueOfBooking: (id: string) => string | undefined): JobRemedyStep {
  if (step.kind === 'more_quota') return { ...step, owner: quotaOwnerOf(step.owner) };
  if (step.kind === 'more_nodes') return { ...step, domains: namedDomains(step.domains), runs: kindRequired(spec.options[step.option]) };
  if (step.kind === 'allow_eviction' || step.kind === 'start_queue') return { ...step, queue: nameOf(step.queue) };
  if (step.kind !== 'end_reservation') return step;
  const { bookingId, ...rest } = step;
  const queue = queueOfBooking(bookingId);
  return { ...rest, reservation: queue !== undefined && isQueueOf(tenantOfQueue(spec.queue), queue) ? bookingId : null };
}

/** A queue as its tenant calls it. */
const nameOf = (queue: string): string => queue.split('/')[1] ?? 'default';
