import { NAMED_PRIORITIES } from '../../contract/job-facts.ts';
import type { Priority } from '../../contract/job-facts.ts';
import { KIND_FACTS } from '../../contract/job-facts.ts';
import type { OrganisationId } from '../../kernel/ids.ts';
import type { JobSpec } from '../engine/model/job-spec.ts';
import type { JobRequest } from './job.ts';
import { optionOf } from './offered-kinds.ts';
import { engineQueue } from './quotas/cohort-tree.ts';

/** A priority as the engine counts it. */
export const priorityNumber = (priority: Priority): number => (typeof priority === 'number' ? priority : NAMED_PRIORITIES[priority]);

/** Whose quotas and budgets a job uses. */
const payerOf = ({ organisationId, projectId }: JobRequest): string => `${organisationId}/${projectId}`;

export const organisationOfPayer = (payer: string): OrganisationId => payer.split('/')[0] as OrganisationId;

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
  scaling: null,
  weights: job.weights ?? null,
  dataRegions: [],
});
