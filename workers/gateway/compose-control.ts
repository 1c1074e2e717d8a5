import { sleep } from '../../durable-objects/system-time.ts';
import { CacheStats } from '../../src/gateway/cache-stats.ts';
import { CachePurger } from '../../src/gateway/purge-cache.ts';
import { openJobCount } from '../../src/gateway/tenancy/holdings.ts';
import { erasureSteps, TenantEraser } from '../../src/gateway/tenancy/tenant-eraser.ts';
import { TenantSuspension } from '../../src/gateway/tenancy/tenant-suspension.ts';
import { TenantIndexes } from '../../src/gateway/tenant-indexes.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import type { Administration } from './adapters/administration.ts';
import { wireAdministration } from './adapters/administration.ts';
import { TenantPurgeLogs } from './adapters/durable-caches.ts';
import { DurableIndexes } from './adapters/durable-indexes.ts';
import type { Heavy } from './adapters/jobs.ts';
import type { Models } from './adapters/models.ts';
import { wireModels } from './adapters/models.ts';
import { wireHeavy } from './adapters/jobs.ts';
import { schedulerQueue } from './adapters/scheduler-queue.ts';
import { sha256 } from './adapters/sha256.ts';
import { TenantRegistries } from './adapters/tenant-registries.ts';
import { cacheLinesOf, wireTenancy } from './adapters/tenancy.ts';
import { upstreamsOf } from './adapters/upstream-objects.ts';
import { Readiness } from './readiness.ts';
import type { Serving } from './serving.ts';
import { basicsOf, oncePerIsolate } from './serving.ts';
import type { ControlEnv } from './env.ts';

/** Everything a route of the control Worker may use: the use cases and ports of this isolate, wired once. */
export interface Control extends Serving {
  readonly tenancy: Administration;
  readonly heavy: Heavy;
  readonly models: Models;
  readonly suspension: TenantSuspension;
  readonly eraser: TenantEraser;
  readonly purger: CachePurger;
  readonly cacheStats: CacheStats;
}

export const composeControl = oncePerIsolate((env: ControlEnv): Control => {
  const basics = basicsOf(env);
  const { clock, rng } = basics;
  const queue = schedulerQueue(env.SCHEDULER);
  const known = wireTenancy(env, basics, { jobs: (tenant) => openJobCount(queue, tenant) });
  const tenancy = wireAdministration(env, basics, known);
  const { organisations, authenticator, budget } = tenancy;
  const indexes = new DurableIndexes(env.INDEX, new TenantRegistries(env.REGISTRY, organisations));
  const heavy = wireHeavy(
    env,
    basics,
    tenancy,
    (tenant, name) => indexes.describe(tenant, name),
    // The registry takes files of tenants, and so is wired behind them.
    (...made) => models.jobs.register(...made),
  );
  const models = wireModels(env, basics, organisations, heavy, indexes);
  const logs = new TenantPurgeLogs(env.PURGE_LOG);
  const purger = new CachePurger({ logs, organisations, models: models.catalogue, sha256, rng });
  const steps = erasureSteps({
    at: (tenant) => organisations.at(organisationOf(tenant)),
    quotas: tenancy.quotaLedgers,
    indexes: new TenantIndexes(indexes),
    jobs: queue,
    logs: heavy.logs,
    requests: (tenant) => env.REQUEST_LOG.getByName(tenant),
    files: heavy.eraser,
    models,
    upstreams: upstreamsOf(env.UPSTREAM),
    debt: (organisation) => env.DEBT.getByName(organisation),
    planning: (tenant) => env.PLANS.getByName(tenant),
    billing: tenancy.ledgers,
    purger,
  });
  return {
    ...basics,
    readiness: new Readiness({ organisations, clock }),
    authenticator,
    budget,
    countCall: known.countCall,
    agents: heavy.agents,
    tenancy,
    heavy,
    models,
    suspension: new TenantSuspension(organisations, queue),
    eraser: new TenantEraser(organisations, steps, sleep),
    purger,
    cacheStats: new CacheStats({ organisations, lines: cacheLinesOf(env), clock, flush: tenancy.flush }),
  };
});
