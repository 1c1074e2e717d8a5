import { CapacityForecaster } from '../../src/gateway/planning/capacity-forecaster.ts';
import { budgetCeilings, indexCeilings, quotaCeilings } from '../../src/gateway/planning/ceiling-sources.ts';
import { UsageReader } from '../../src/gateway/tenancy/usage-reader.ts';
import { ok } from '../../src/kernel/result.ts';
import { DurableIndexes } from '../gateway/adapters/durable-indexes.ts';
import { wireShards } from '../gateway/adapters/index-shards.ts';
import { TenantRegistries } from '../gateway/adapters/tenant-registries.ts';
import { billingOf, wireTenancy } from '../gateway/adapters/tenancy.ts';
import type { PlanningEnv } from '../gateway/env.ts';
import { Readiness } from '../gateway/readiness.ts';
import type { Serving } from '../gateway/serving.ts';
import { basicsOf, oncePerIsolate } from '../gateway/serving.ts';

/** Everything a route of the planning Worker may use: the use cases and ports of this isolate, wired once. */
export interface Planning extends Serving {
  readonly forecaster: CapacityForecaster;
}

export const composePlanning = oncePerIsolate((env: PlanningEnv): Planning => {
  const basics = basicsOf(env);
  const { clock, metrics, region } = basics;
  const tenancy = wireTenancy(env, basics, {});
  const { organisations, authenticator, budget, quotaLedgers, flush } = tenancy;
  const usage = new UsageReader({ organisations, lines: (organisation, query) => billingOf(env, organisation).usage(query), clock, flush });
  const directory = new DurableIndexes(env.INDEX, new TenantRegistries(env.REGISTRY, organisations));
  const shards = wireShards(env, clock, metrics, () => region.hint);
  const indexes = {
    list: directory.list.bind(directory),
    count: async (manifest: Parameters<typeof shards.of>[0]) => {
      const stats = await shards.of(manifest).stats();
      return stats.ok ? ok(stats.value.count) : stats;
    },
  };
  return {
    ...basics,
    readiness: new Readiness({ organisations, clock }),
    authenticator,
    budget,
    forecaster: new CapacityForecaster({
      usage,
      sources: [quotaCeilings(quotaLedgers), budgetCeilings((organisation) => billingOf(env, organisation)), indexCeilings(indexes)],
      clock,
    }),
  };
});
