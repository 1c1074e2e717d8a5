import { sleep } from '../../../../durable-objects/system-time.ts';
import { budgetCeilings, indexCeilings, quotaCeilings } from '../../../../src/gateway/planning/ceiling-sources.ts';
import { cacheCeilings } from '../../../../src/gateway/planning/cache-ceilings.ts';
import { CapacityForecaster } from '../../../../src/gateway/planning/capacity-forecaster.ts';
import { poolCeilings } from '../../../../src/gateway/planning/pool-ceilings.ts';
import type { IndexDirectory } from '../../../../src/gateway/indexes/index-directory.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import type { UsageReader } from '../../../../src/gateway/tenancy/usage-reader.ts';
import type { RoutedShards } from '../../../../src/index/shards/routed-shards.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { IndexEnv, TenancyEnv } from '../../env.ts';
import type { Basics } from '../../pipeline/serving.ts';
import { DurableIndexes } from '../indexes/durable-indexes.ts';
import { wireShards } from '../indexes/index-shards.ts';
import { schedulerQueue } from '../api/scheduler-queue.ts';
import type { Tenancy } from '../tenancy/tenancy.ts';
import { cacheLinesOf } from '../tenancy/tenancy.ts';
import { TenantRegistries } from '../indexes/tenant-registries.ts';

/** Bindings of what plans: the gateway has them for its calls, the objects Worker for the alarms of tenants. */
export type PlanningEnv = IndexEnv & TenancyEnv;

/** What a forecast is made of, and observations too. */
export interface PlanningSources {
  readonly forecaster: CapacityForecaster;
  readonly usage: UsageReader;
  readonly directory: IndexDirectory;
  readonly shards: RoutedShards;
  readonly jobs: JobQueue;
}

export function wireForecaster(
  env: PlanningEnv,
  basics: Basics,
  { organisations, quotaLedgers }: Pick<Tenancy, 'organisations' | 'quotaLedgers'>,
  usage: UsageReader,
): PlanningSources {
  const { clock } = basics;
  const directory = new DurableIndexes(env.INDEX, new TenantRegistries(env.REGISTRY, organisations));
  const shards = wireShards(env, basics);
  const jobs = schedulerQueue(env.SCHEDULER);
  const indexes = {
    list: directory.list.bind(directory),
    count: async (manifest: Parameters<typeof shards.of>[0]) => {
      const stats = await shards.of(manifest).stats();
      return stats.ok ? ok(stats.value.count) : stats;
    },
  };
  const sources = [
    quotaCeilings(quotaLedgers),
    budgetCeilings((organisation) => env.BILLING.getByName(organisation)),
    indexCeilings(indexes),
    poolCeilings(jobs),
    cacheCeilings(cacheLinesOf(env), clock),
  ];
  return { forecaster: new CapacityForecaster({ usage, sources, clock, turn: () => sleep(0) }), usage, directory, shards, jobs };
}
