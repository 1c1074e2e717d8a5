import type { CreateJob } from '../../contract/jobs/jobs.ts';
import { jobEndpoints } from '../../contract/jobs/jobs.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { ServedManifest } from '../../inference/served-manifest.ts';
import { memoryBytesOf } from '../../inference/served/model-size.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';
import { Composed } from '../api/composed.ts';
import type { JobDesk } from '../jobs/job-desk.ts';
import type { JobQueue } from '../jobs/job-queue.ts';

interface StandingParts {
  readonly jobs: Pick<JobDesk, 'submit'>;
  readonly queue: Pick<JobQueue, 'jobs' | 'act'>;
  readonly clock: Clock;
}

/** A version that pools are to serve, and in whose name: the project of the key pays for the nodes. */
export interface StandingModel {
  readonly principal: TenantPrincipal;
  readonly model: string;
  readonly version: { readonly version: number; readonly manifest: ServedManifest };
}

/** What a standing job is found by. */
const MODEL_LABEL = 'sluice-model';
const VERSION_LABEL = 'sluice-model-version';

/** What a standing job calls its model: one version, whatever serves under the name. */
export const standingName = (model: string, version: number): string => `${model}@${version}`;

/**
 * For each version of a model of a tenant one job of the kind `online_inference`, which the deployment makes itself: it has no replica, and
 * costs nothing, until a call wakes it. It is a job like any other of the tenant: shown, charged, cancelled and erased as such. [M160] [M161]
 */
export class StandingReplicas extends Composed<StandingParts> {
  /**
   * The job that serves a version, made if there is none that is not over. However many isolates and keys ask at once, there is one. Refuses with
   * `no_healthy_replica` while the last one has just failed, and as a submission does.
   */
  async jobOf(standing: StandingModel): Promise<Outcome<JobId>> {
    const name = standingName(standing.model, standing.version.version);
    const newest = await this.#newest(standing.principal.tenantId, name);
    if (!newest.ok) return newest;
    const before = newest.value;
    if (before?.finishedAtMs === null) return ok(before.id);
    const failed = before === undefined ? ok(null) : this.#failedLately(before, name);
    return failed.ok ? this.#make(standing, name, before) : failed;
  }

  /** Cancels the jobs of a version, or of all versions of a model, that the deployment has made. What is over stays on record. [M162] */
  async end(tenantId: TenantId, model: string, version?: number): Promise<void> {
    const label = { name: MODEL_LABEL, value: model };
    const found = await this.parts.queue.jobs(tenantId, { kind: 'online_inference', label, state: OPEN }, JOBS_A_PAGE, undefined);
    for (const { id, labels } of found.ok ? found.value.jobs : [])
      if (version === undefined || labels[VERSION_LABEL] === standingName(model, version))
        await this.parts.queue.act(tenantId, id, { kind: 'cancel' });
  }

  #failedLately({ id, state, finishedAtMs, error }: Job, name: string): Outcome<null> {
    const leftMs = state === 'failed' ? (finishedAtMs ?? 0) + MODEL_LIMITS.standingRetryMs - this.parts.clock.nowMs() : 0;
    if (leftMs <= 0) return ok(null);
    const why = `the replica of ${name} failed (${error?.message ?? 'see its job'}): GET /v1/jobs/${id} has more`;
    return err({ ...refusal('no_healthy_replica', why, 'model'), retryAfterMs: leftMs });
  }

  /** `before`: the last of its jobs, which is over. */
  async #make({ principal, model, version }: StandingModel, name: string, before: Job | undefined): Promise<Outcome<JobId>> {
    // Equal keys make one job, whichever isolate comes first; one that is over is followed by another.
    const made = await this.parts.jobs.submit(principal, standingJob(name, model, version), `standing:${name}:${before?.id ?? ''}`);
    if (made.ok) return ok(made.value.id);
    if (made.error.code !== 'idempotency_mismatch') return made;
    // Another key of the tenant was first.
    const other = await this.#newest(principal.tenantId, name);
    return other.ok && other.value?.finishedAtMs === null ? ok(other.value.id) : made;
  }

  async #newest(tenantId: TenantId, name: string): Promise<Outcome<Job | undefined>> {
    const label = { name: VERSION_LABEL, value: name };
    const found = await this.parts.queue.jobs(tenantId, { kind: 'online_inference', label }, 1, undefined);
    return found.ok ? ok(found.value.jobs[0]) : found;
  }
}

const OPEN = ['pending', 'suspended', 'starting', 'running', 'stopping'] as const;
/** A tenant has promoted fewer versions of one model than that, or the rest is cancelled by hand. */
const JOBS_A_PAGE = 100;
const BYTES_PER_MIB = 1_048_576;

function standingJob(name: string, model: string, { manifest }: StandingModel['version']): CreateJob {
  const memoryMib = Math.ceil(memoryBytesOf({ manifest }) / BYTES_PER_MIB);
  return jobEndpoints.createJob.body.schema.parse({
    kind: 'online_inference',
    model: name,
    // It waits nearly always, and computes on whatever its machine has left.
    resources: [{ cpu_milli: JOB_LIMITS.standingReplicaCpuMilli, memory_mib: memoryMib }],
    scaling: { min: 0 },
    labels: { [MODEL_LABEL]: model, [VERSION_LABEL]: name },
  });
}
