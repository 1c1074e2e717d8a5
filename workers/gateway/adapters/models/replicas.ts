import type { AuthorityEnd } from '../../../../src/contract/tenancy/authority-end.ts';
import type { Serving } from '../../../../src/contract/jobs/attempt.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { JobDesk } from '../../../../src/gateway/jobs/job-desk.ts';
import { StandingReplicas } from '../../../../src/gateway/models/standing-replicas.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { ModelReplicas } from '../../../../src/gateway/pools/model-replicas.ts';
import { ReplicaHosts } from '../../../../src/gateway/pools/replica-hosts.ts';
import type { ReplicaAnswer } from '../../../../src/gateway/pools/replica-router.ts';
import { ReplicaRouter } from '../../../../src/gateway/pools/replica-router.ts';
import type { ReplicaWakes } from '../../../../src/gateway/pools/replica-wakes.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { isForbidden } from '../../../../src/contract/api/network-host.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { originHost } from '../../pipeline/origin-host.ts';

/** Replicas of online inference: by their jobs, by their models, and where they may be. */
export interface Replicas {
  readonly replicas: ReplicaRouter;
  readonly modelReplicas: ModelReplicas;
  readonly replicaHosts: ReplicaHosts;
  readonly standing: StandingReplicas;
}

export function wireReplicas(queue: JobQueue, clock: Clock, wakes: ReplicaWakes, jobs: Pick<JobDesk, 'submit'>): Replicas {
  const replicas = new ReplicaRouter({
    find: (tenant, job) => queue.job(tenant, job),
    call: callReplica,
    clock,
    wakes,
  });
  const standing = new StandingReplicas({ jobs, queue, clock });
  return {
    replicas,
    standing,
    modelReplicas: new ModelReplicas({ serving: (tenant) => servingJobs(queue, tenant), router: replicas, wakes, standing, clock }),
    replicaHosts: new ReplicaHosts({ pool: (id) => queue.pool(id), hostOf: originHost, clock }),
  };
}

/** Of jobs that serve models, or will once a call has come. */
const SERVING = ['running', 'starting', 'pending', 'stopping'] as const;

/** The jobs of a tenant that serve models, the newest first. */
async function servingJobs(queue: JobQueue, tenant: TenantId): Promise<Outcome<readonly Job[]>> {
  const page = await queue.jobs(tenant, { kind: 'online_inference', state: SERVING }, API_LIMITS.pageMaxCount, undefined);
  return page.ok ? ok(page.value.jobs) : page;
}

/** Its address was checked when its agent named it, and is checked again for what no pool may name; redirects would lead elsewhere. [P93] */
async function callReplica({ url, key }: Serving, body: string, end: AuthorityEnd | undefined): Promise<ReplicaAnswer> {
  const host = originHost(url);
  if (host === undefined || isForbidden(host)) return undefined;
  const ended = new AbortController();
  const leave = end?.onEnd(() => ended.abort());
  try {
    const response = await fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(JOB_LIMITS.replicaTimeoutMs), ended.signal]),
    });
    return { status: response.status, body: await response.json() };
  } catch {
    return undefined;
  } finally {
    leave?.();
  }
}
