import { waitUntil } from 'cloudflare:workers';

import type { ObjectNamespace } from '../../durable-objects/object-namespace.ts';
import { sleep } from '../../durable-objects/system-time.ts';
import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import { onIndex } from '../../src/gateway/indexes/index-ref.ts';
import { ManifestCache } from '../../src/gateway/indexes/manifest-cache.ts';
import type { CapacityForecaster } from '../../src/gateway/planning/capacity-forecaster.ts';
import type { DebtCalls } from '../../src/gateway/debt/debt-admin.ts';
import { GatewayMeasures } from '../../src/gateway/debt/gateway-measures.ts';
import { SloObserver } from '../../src/gateway/planning/slo-observer.ts';
import { RecallMeasurement } from '../../src/gateway/vectors/recall-measurement.ts';
import { KnownOrganisations } from '../../src/gateway/tenancy/known-organisations.ts';
import { UsageReader } from '../../src/gateway/tenancy/usage-reader.ts';
import type { RequestLog } from '../../src/gateway/requests/request-log-admin.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import type { PlanningEnv, PlanningSources } from '../gateway/adapters/planning/planning.ts';
import { wireForecaster } from '../gateway/adapters/planning/planning.ts';
import { quotaLedgersOf } from '../gateway/adapters/tenancy/tenancy.ts';
import type { Basics } from '../gateway/pipeline/serving.ts';
import { basicsOf, oncePerIsolate } from '../gateway/pipeline/serving.ts';

/** Bindings that the alarms of planning objects take. */
export interface PlanningObjectEnv extends PlanningEnv {
  readonly DEBT: ObjectNamespace<DebtCalls>;
  readonly REQUEST_LOG: ObjectNamespace<RequestLog>;
}

/** What the alarm of a tenant observes, measures and forecasts with. */
export interface PlanningParts {
  readonly forecaster: CapacityForecaster;
  readonly measures: GatewayMeasures;
  readonly observer: SloObserver;
}

export const planningParts = oncePerIsolate((env: PlanningObjectEnv): PlanningParts => {
  const basics = basicsOf(env);
  const { clock, metrics } = basics;
  const organisations = new KnownOrganisations({
    at: (id) => env.ORGANISATION.getByName(id),
    directory: () => env.DIRECTORY.getByName('directory'),
    // The gateway has created the object of the tenant, which asks for its own organisation alone.
    isKnown: () => Promise.resolve(true),
  });
  const usage = new UsageReader({
    organisations,
    lines: (organisation, query) => env.BILLING.getByName(organisation).usage(query),
    clock,
    // No usage waits in this Worker.
    flush: () => Promise.resolve(),
  });
  const sources = wireForecaster(env, basics, { organisations, quotaLedgers: quotaLedgersOf(env, metrics) }, usage);
  const logOf = (tenant: TenantId) => env.REQUEST_LOG.getByName(tenant);
  return {
    forecaster: sources.forecaster,
    measures: new GatewayMeasures({
      debt: (organisation) => env.DEBT.getByName(organisation),
      logOf,
      histogramsOf: (tenant) => env.BILLING.getByName(organisationOf(tenant)).inputHistograms(tenant),
      pools: sources.jobs,
      clock,
    }),
    observer: observerOf(env, basics, sources, logOf),
  };
});

/** What objectives are observed from, over the objects that count it. */
function observerOf(
  env: PlanningObjectEnv,
  { clock, rng }: Basics,
  { jobs, directory, shards }: PlanningSources,
  logOf: (tenant: TenantId) => RequestLog,
): SloObserver {
  const manifests = new ManifestCache(directory, clock, sleep, waitUntil);
  const recall = new RecallMeasurement({ manifests, shards, rng });
  return new SloObserver({
    logOf,
    callHours: (tenant, ...asked) => env.BILLING.getByName(organisationOf(tenant)).callHours(tenant, ...asked),
    jobs,
    recallOf: async (tenantId, index, samples) => {
      const measured = await recall.measure({ tenantId }, index, { samples, top_k: VECTOR_LIMITS.topKDefaultCount, namespace: '' });
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
