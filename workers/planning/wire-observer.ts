import { waitUntil } from 'cloudflare:workers';

import { LIMITS } from '../../src/contract/limits.ts';
import { onIndex } from '../../src/gateway/index-ref.ts';
import type { IndexDirectory } from '../../src/gateway/index-directory.ts';
import type { JobQueue } from '../../src/gateway/jobs/job-queue.ts';
import { ManifestCache } from '../../src/gateway/manifest-cache.ts';
import { SloObserver } from '../../src/gateway/planning/slo-observer.ts';
import { RecallMeasurement } from '../../src/gateway/recall-measurement.ts';
import type { RequestLog } from '../../src/gateway/upstreams/request-log-admin.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import type { wireShards } from '../gateway/adapters/index-shards.ts';
import type { PlanningEnv } from '../gateway/env.ts';
import type { Basics } from '../gateway/serving.ts';
import { sleep } from '../../durable-objects/system-time.ts';

interface ObservedParts {
  readonly logOf: (tenant: TenantId) => RequestLog;
  readonly jobs: Pick<JobQueue, 'jobs'>;
  readonly directory: IndexDirectory;
  readonly shards: ReturnType<typeof wireShards>;
}

/** What objectives are observed from, over the objects that count it. */
export function wireObserver(env: PlanningEnv, { clock, rng }: Basics, { logOf, jobs, directory, shards }: ObservedParts): SloObserver {
  const manifests = new ManifestCache(directory, clock, sleep, waitUntil);
  const recall = new RecallMeasurement({ manifests, shards, rng });
  return new SloObserver({
    logOf,
    callHours: (tenant, ...asked) => env.BILLING.getByName(organisationOf(tenant)).callHours(tenant, ...asked),
    jobs,
    recallOf: async (tenantId, index, samples) => {
      const measured = await recall.measure({ tenantId }, index, { samples, top_k: LIMITS.topKDefaultCount, namespace: '' });
      return measured.ok ? ok(measured.value.estimate) : measured;
    },
    waitingOf: async (tenantId, index) => {
      const progress = await onIndex(manifests, { tenantId }, index, (manifest) =>
        shards.of(manifest).read('progress', { indexId: manifest.id }),
      );
      return progress.ok ? ok(progress.value.waiting) : progress;
    },
    clock,
  });
}
