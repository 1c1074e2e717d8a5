import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { KIND_FACTS } from '../../contract/jobs/job-facts.ts';
import type { OrganisationId, JobId, TenantId } from '../../kernel/ids.ts';
import type { JobSpec, ScalingPolicy } from '../engine/model/job-spec.ts';
import type { JobRequest, Job } from './jobs/job.ts';
import { optionOf } from './offered-kinds.ts';
import { engineQueue } from './quotas/cohort-tree.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { fastestEstimate } from '../engine/model/run-estimate.ts';
import { ok } from '../../kernel/result.ts';
import { isFinished, priorityNumber } from './jobs/job.ts';

/** Whose quotas and budgets a job uses. */
const payerOf = ({ organisationId, projectId }: JobRequest): string => `${organisationId}/${projectId}`;

export const organisationOfPayer = (payer: string): OrganisationId => payer.split('/')[0] as OrganisationId;

/** How many replicas a job has, where its load decides. */
function scalingOf({ work, options }: JobRequest): ScalingPolicy | null {
  if (work.kind !== 'online_inference' || work.scaling === undefined) return null;
  return {
    outstandingPerNodeMilli: Math.round(work.scaling.outstanding_per_replica * 1_000),
    nodesMin: work.scaling.min ?? Math.min(...options.map(({ nodes }) => nodes.min)),
    nodesMax: Math.max(...options.map(({ nodes }) => nodes.max)),
    cooldownMs: Math.max(work.scaling.scale_down_delay_s * 1_000, work.scaling.min === 0 ? JOB_LIMITS.replicaIdleMinMs : 0),
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
  ...(job.workMs === undefined ? {} : { workMs: job.workMs }),
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

/** The jobs of all tenants. */
interface KnownJobs {
  find(id: JobId): Job | undefined;
}

/** What a cell knows besides its jobs. */
interface CellFacts {
  readonly nowMs: number;
  /** The accelerators that jobs may ask for, by name. */
  readonly accelerators: ReadonlyMap<string, unknown>;
}

/**
 * Whether a job can be queued as things are: which of the jobs it depends on have still to succeed. Refuses with `invalid_value`,
 * `limit_exceeded`, `job_not_found` or `state_conflict`, naming the field.
 */
export function checkRequest(request: JobRequest, jobs: KnownJobs, { nowMs, accelerators }: CellFacts): Outcome<readonly JobId[]> {
  const { tenantId, deadlineAtMs, dependsOn, options } = request;
  if (deadlineAtMs !== null && deadlineAtMs <= nowMs) return refuse('invalid_value', 'is in the past', 'deadline_at');
  const unknown = options.findIndex(({ accelerator }) => accelerator !== null && !accelerators.has(accelerator));
  if (unknown >= 0)
    return refuse('invalid_value', 'is no known type, and no agent has brought it yet', ['resources', unknown, 'accelerator']);
  const done = doneInTime(request, nowMs);
  return done.ok ? awaited(tenantId, dependsOn, jobs) : done;
}

/** Refuses work that its owner's own limits surely leave no time for, started now by the fastest of its options. [J320] */
function doneInTime({ options, workMs, deadlineAtMs, runtimeMaxMs, isBestEffort }: JobRequest, nowMs: number): Outcome<null> {
  if (workMs === undefined || isBestEffort === true) return ok(null);
  const fastest = fastestEstimate({ options, workMs, deadlineAtMs, durationMaxMs: runtimeMaxMs });
  if (fastest === null) return ok(null);
  const { runMs, option } = fastest;
  const [leftMs, limit] =
    (runtimeMaxMs ?? Infinity) < (deadlineAtMs ?? Infinity) - nowMs
      ? [runtimeMaxMs ?? Infinity, 'max_runtime_s allows']
      : [(deadlineAtMs ?? Infinity) - nowMs, 'are left until deadline_at'];
  if (runMs <= leftMs) return ok(null);
  return refuseBeyond({
    path: 'work_s',
    limit: { bound: Math.floor((leftMs * workMs) / runMs / 1_000) },
    value: workMs / 1_000,
    what: `takes ${inSeconds(runMs)} s by the fastest of its resources (${option}), and ${inSeconds(leftMs)} s ${limit}`,
    advice: 'give it more time, faster resources, or the deadline_policy best_effort',
  });
}

const inSeconds = (ms: number): number => Math.round(ms / 100) / 10;

/** Those of the jobs that have not succeeded yet. */
function awaited(tenantId: TenantId, dependsOn: readonly JobId[], jobs: KnownJobs): Outcome<readonly JobId[]> {
  const open: JobId[] = [];
  for (const [at, id] of dependsOn.entries()) {
    const job = jobs.find(id);
    if (job === undefined || job.tenantId !== tenantId)
      return refuseResource('job_not_found', { kind: 'job', name: id }, `no job ${id}`, ['depends_on', at]);
    if (job.state === 'succeeded') continue;
    if (isFinished(job) || job.state === 'cancelling') return refuse('state_conflict', `job ${id} is ${job.state}`, ['depends_on', at]);
    open.push(id);
  }
  return ok([...new Set(open)]);
}
