import { sleep } from '../../durable-objects/system-time.ts';
import { CacheStats } from '../../src/gateway/caches/cache-stats.ts';
import { CachePurger } from '../../src/gateway/caches/purge-cache.ts';
import { erasureSteps, TenantEraser } from '../../src/gateway/tenancy/erasure/tenant-eraser.ts';
import { TenantSuspension } from '../../src/gateway/tenancy/erasure/tenant-suspension.ts';
import { TenantIndexes } from '../../src/gateway/indexes/tenant-indexes.ts';
import { TokenTexts } from '../../src/inference/text/token-texts.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import type { Administration } from './adapters/tenancy/administration.ts';
import { wireAdministration } from './adapters/tenancy/administration.ts';
import { TenantPurgeLogs } from './adapters/caches/durable-caches.ts';
import { documentsIn } from './adapters/documents/documents-in.ts';
import { DurableIndexes } from './adapters/indexes/durable-indexes.ts';
import type { Heavy } from './adapters/jobs/jobs.ts';
import type { Models } from './adapters/models/models.ts';
import { wireModels } from './adapters/models/models.ts';
import { tokenEncodings } from './adapters/models/token-encodings.ts';
import { wireHeavy } from './adapters/jobs/jobs.ts';
import { schedulerQueue } from './adapters/api/scheduler-queue.ts';
import { sha256 } from './adapters/api/sha256.ts';
import { TenantRegistries } from './adapters/indexes/tenant-registries.ts';
import { cacheLinesOf } from './adapters/tenancy/tenancy.ts';
import { upstreamsOf } from './adapters/upstreams/upstream-objects.ts';
import type { Embedding } from './compose-embeddings.ts';
import type { Gateway } from './compose.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { oncePerIsolate } from './pipeline/serving.ts';

/** The gateway with what manages a deployment: organisations and their bills, files, jobs, pools, models and caches. */
export interface Control extends Gateway {
  readonly tenancy: Administration;
  readonly heavy: Heavy;
  readonly models: Models;
  readonly tokenTexts: TokenTexts;
  readonly suspension: TenantSuspension;
  readonly eraser: TenantEraser;
  readonly purger: CachePurger;
  readonly cacheStats: CacheStats;
  /** What makes vectors of texts, loaded at the first call. */
  readonly embeddings: () => Promise<Embedding>;
}

export const composeControl = oncePerIsolate((env: GatewayEnv): Control => {
  const gateway = compose(env);
  const { clock, rng } = gateway;
  const queue = schedulerQueue(env.SCHEDULER);
  const tenancy = wireAdministration(env, gateway);
  const { organisations } = tenancy;
  const indexes = new DurableIndexes(env.INDEX, new TenantRegistries(env.REGISTRY, organisations), documentsIn(env));
  const heavy = wireHeavy(
    env,
    gateway,
    tenancy,
    (tenant, name) => indexes.describe(tenant, name),
    // The registry takes files of tenants, and so is wired behind them.
    (...made) => models.jobs.register(...made),
  );
  const models = wireModels(env, gateway, organisations, heavy, indexes);
  const logs = new TenantPurgeLogs(env.PURGE_LOG);
  const purger = new CachePurger({ logs, organisations, models: models.names, sha256, rng });
  const steps = erasureSteps({
    sleep,
    at: (tenant) => organisations.at(organisationOf(tenant)),
    quotas: tenancy.quotaLedgers,
    indexes: new TenantIndexes(indexes),
    jobs: queue,
    logs: heavy.logs,
    requests: (tenant) => env.REQUEST_LOG.getByName(tenant),
    batches: (tenant) => env.CALL_BATCHES.getByName(tenant),
    answers: (tenant) => env.STORED_ANSWERS.getByName(tenant),
    files: heavy.eraser,
    models,
    upstreams: upstreamsOf(env.UPSTREAM),
    debt: (organisation) => env.DEBT.getByName(organisation),
    planning: (tenant) => env.PLANS.getByName(tenant),
    billing: tenancy.ledgers,
    purger,
  });
  const embeddings = async () => {
    const { composeEmbeddings } = await import('./compose-embeddings.ts');
    return composeEmbeddings(env);
  };
  return {
    ...gateway,
    embeddings,
    agents: heavy.agents,
    tenancy,
    heavy,
    models,
    tokenTexts: new TokenTexts(tokenEncodings(env)),
    suspension: new TenantSuspension(organisations, queue),
    eraser: new TenantEraser(organisations, steps, sleep),
    purger,
    cacheStats: new CacheStats({ organisations, lines: cacheLinesOf(env), clock, flush: tenancy.flush }),
  };
});
