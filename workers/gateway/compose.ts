import type { CountInputs } from '../../src/contract/tenancy/input-tally.ts';
import { bucketCounts } from '../../src/contract/tenancy/input-tally.ts';
import type { CountCache } from '../../src/gateway/caches/cache-stats.ts';
import { tallying } from '../../src/gateway/caches/cache-stats.ts';
import { openJobCount, vectorCount } from '../../src/gateway/tenancy/quotas/holdings.ts';
import type { KeyAuthenticator } from '../../src/gateway/tenancy/key-authenticator.ts';
import { must } from '../../src/kernel/assert.ts';
import { schedulerQueue } from './adapters/api/scheduler-queue.ts';
import type { Tenancy } from './adapters/tenancy/tenancy.ts';
import { wireTenancy } from './adapters/tenancy/tenancy.ts';
import type { GatewayEnv } from './env.ts';
import { countInMetrics } from './pipeline/metrics.ts';
import { Readiness } from './pipeline/readiness.ts';
import type { Serving } from './pipeline/serving.ts';
import { basicsOf, oncePerIsolate } from './pipeline/serving.ts';

/** What the handlers of every subject may use, wired once an isolate. Those of a subject have more: see `compose-*.ts`. */
export interface Gateway extends Serving {
  readonly authenticator: KeyAuthenticator;
  readonly tenancy: Tenancy;
  /** Count what caches answer, and how inputs are distributed. */
  readonly countCache: CountCache;
  readonly countInputs: CountInputs;
}

/** Imports lazily what only some subjects take: these modules import this one. */
export const compose = oncePerIsolate((env: GatewayEnv): Gateway => {
  const basics = basicsOf(env);
  const { clock, metrics } = basics;
  const queue = schedulerQueue(env.SCHEDULER);
  const tenancy = wireTenancy(env, basics, {
    vectors: async (tenant) => {
      const { composeRetrieval } = await import('./compose-retrieval.ts');
      return vectorCount(composeRetrieval(env).retrieval.indexes, tenant);
    },
    jobs: (tenant) => openJobCount(queue, tenant),
  });
  const loadModel = async () => {
    const { composeEmbeddings } = await import('./compose-embeddings.ts');
    const { models } = composeEmbeddings(env).embeddings;
    return models.load(must(models.manifests[0], 'a deployment has a model'));
  };
  const countCache = tallying({ clock, tally: tenancy.tally });
  return {
    ...basics,
    readiness: new Readiness({ organisations: tenancy.organisations, loadModel, clock }),
    authenticator: tenancy.authenticator,
    watches: tenancy.watches,
    budget: tenancy.budget,
    countCall: tenancy.countCall,
    tenancy,
    countCache: (principal, event) => {
      countCache(principal, event);
      countInMetrics(metrics, event);
    },
    countInputs: ({ organisationId, tenantId }, input, subject, values) => {
      if (values.length === 0) return;
      const counts = bucketCounts(input, values);
      tenancy.tally(`${input} ${subject}`, { organisationId, tenantId, input, subject, atMs: clock.nowMs(), counts });
    },
  };
});
