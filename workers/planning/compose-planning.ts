import { CapacityForecaster } from '../../src/gateway/planning/capacity-forecaster.ts';
import { cacheCeilings } from '../../src/gateway/planning/cache-ceilings.ts';
import { budgetCeilings, indexCeilings, quotaCeilings } from '../../src/gateway/planning/ceiling-sources.ts';
import { CostReporter } from '../../src/gateway/upstreams/cost-report.ts';
import { DebtAdmin } from '../../src/gateway/planning/debt-admin.ts';
import { GatewayMeasures } from '../../src/gateway/planning/gateway-measures.ts';
import { poolCeilings } from '../../src/gateway/planning/pool-ceilings.ts';
import { SloAdmin } from '../../src/gateway/planning/slo-admin.ts';
import type { SloObserver } from '../../src/gateway/planning/slo-observer.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import { noteIn } from '../../src/gateway/tenancy/organisation-store.ts';
import type { UsageLines } from '../../src/gateway/tenancy/usage-reader.ts';
import { UsageReader } from '../../src/gateway/tenancy/usage-reader.ts';
import type { OrganisationId, TenantId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import { DurableIndexes } from '../gateway/adapters/durable-indexes.ts';
import { wireShards } from '../gateway/adapters/index-shards.ts';
import { schedulerQueue } from '../gateway/adapters/scheduler-queue.ts';
import { TenantRegistries } from '../gateway/adapters/tenant-registries.ts';
import { cacheLinesOf, wireTenancy } from '../gateway/adapters/tenancy.ts';
import type { PlanningEnv } from '../gateway/env.ts';
import { Readiness } from '../gateway/readiness.ts';
import type { Serving } from '../gateway/serving.ts';
import { basicsOf, oncePerIsolate } from '../gateway/serving.ts';
import { wireObserver } from './wire-observer.ts';

/** Everything a route of the planning Worker may use: the use cases and ports of this isolate, wired once. */
export interface Planning extends Serving {
  readonly forecaster: CapacityForecaster;
  readonly costs: CostReporter;
  readonly debt: DebtAdmin;
  readonly measures: GatewayMeasures;
  readonly slos: SloAdmin;
  readonly observer: SloObserver;
}

export const composePlanning = oncePerIsolate((env: PlanningEnv): Planning => {
  const basics = basicsOf(env);
  const { clock } = basics;
  const tenancy = wireTenancy(env, basics, {});
  const { organisations, authenticator, budget, quotaLedgers, flush } = tenancy;
  const lines: UsageLines = (organisation, query) => env.BILLING.getByName(organisation).usage(query);
  const usage = new UsageReader({ organisations, lines, clock, flush });
  const directory = new DurableIndexes(env.INDEX, new TenantRegistries(env.REGISTRY, organisations));
  const shards = wireShards(env, basics);
  const indexes = {
    list: directory.list.bind(directory),
    count: async (manifest: Parameters<typeof shards.of>[0]) => {
      const stats = await shards.of(manifest).stats();
      return stats.ok ? ok(stats.value.count) : stats;
    },
  };
  const debt = (organisation: OrganisationId) => env.DEBT.getByName(organisation);
  const logOf = (tenant: TenantId) => env.REQUEST_LOG.getByName(tenant);
  const cell = schedulerQueue(env.SCHEDULER);
  const note = noteIn(organisations);
  return {
    ...basics,
    readiness: new Readiness({ organisations, clock }),
    authenticator,
    budget,
    countCall: tenancy.countCall,
    forecaster: new CapacityForecaster({
      usage,
      sources: [
        quotaCeilings(quotaLedgers),
        budgetCeilings((organisation) => env.BILLING.getByName(organisation)),
        indexCeilings(indexes),
        poolCeilings(cell, clock),
        cacheCeilings(cacheLinesOf(env), clock),
      ],
      clock,
    }),
    costs: new CostReporter({ logOf, reusesOf: (tenant) => env.ROUTES.getByName(tenant).reuses([]), lines, clock }),
    measures: new GatewayMeasures({
      debt,
      logOf,
      histogramsOf: (tenant) => env.BILLING.getByName(organisationOf(tenant)).inputHistograms(tenant),
      pools: cell,
      clock,
    }),
    debt: new DebtAdmin({
      debt,
      measureHourly: (tenant) => env.PLANS.getByName(tenant).measureHourly(tenant),
      find: (organisation, tenant) =>
        tenant === undefined ? organisations.at(organisation).organisation() : organisations.at(organisation).tenant(tenant),
      note,
    }),
    slos: new SloAdmin({ planning: (tenant) => env.PLANS.getByName(tenant), note }),
    observer: wireObserver(env, basics, { logOf, jobs: cell, directory, shards }),
  };
});
