import { NAMED_PRIORITIES } from '../../contract/job-facts.ts';
import type { Priority } from '../../contract/job-facts.ts';
import { KIND_FACTS } from '../../contract/job-facts.ts';
import type { OrganisationId } from '../../kernel/ids.ts';
import type { JobSpec, ScalingPolicy } from '../engine/model/job-spec.ts';
import type { JobRequest } from './job.ts';
import { optionOf } from './offered-kinds.ts';
import { engineQueue } from './quotas/cohort-tree.ts';

/** A priority as the engine counts it. */
export const priorityNumber = (priority: Priority): number => (typeof priority === 'number' ? priority : NAMED_PRIORITIES[priority]);

/** Whose quotas and budgets a job uses. */
const payerOf = ({ organisationId, projectId }: JobRequest): string => `${organisationId}/${projectId}`;

export const organisationOfPayer = (payer: string): OrganisationId => payer.split('/')[0] as OrganisationId;

/** How many replicas a job has, where its load decides. */
function scalingOf({ work, options }: JobRequest): ScalingPolicy | null {
  if (work.kind !== 'online_inference' || work.scaling === undefined) return null;
  return {
    outstandingPerNodeMilli: Math.round(work.scaling.outstanding_per_replica * 1_000),
    nodesMin: Math.min(...options.map(({ nodes }) => nodes.min)),
    nodesMax: Math.max(...options.map(({ nodes }) => nodes.max)),
    cooldownMs: work.scaling.scale_down_delay_s * 1_000,
  };
}

/** A job as the engine sees it. */
export const specOf = (job: JobRequest): JobSpec => ({
  id: job.id,
  queue: engineQueue(job.tenantId, job.queue),
  payer: payerOf(job),
  kind: KIND_FACTS[job.work.kind].schedulerKind,
  priority: priorityNumber(job.priority),
  preemptible: true,
  options: job.options.map((option) => optionOf(option, job.work.kind)),
  limits: {
    deadlineAtMs: job.deadlineAtMs,
    durationMaxMs: job.runtimeMaxMs,
    costMaxNanoDollars: job.costMaxNanoDollars,
    priceMaxNanoDollarsPerHour: job.priceMaxNanoDollarsPerHour,
  },
  checkpoint: { intervalMs: job.checkpointIntervalMs, graceMs: job.graceMs, restartMs: 0 },
  retry: { attemptsMax: job.attemptsMax },
  dependsOn: job.dependsOn,
  scaling: scalingOf(job),
  weights: job.weights ?? null,
  dataRegions: [],
});
