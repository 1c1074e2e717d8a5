import { systemTimer } from '../../durable-objects/system-timer.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Rng } from '../../src/kernel/rng.ts';
import type { Authenticator } from '../../src/gateway/authority.ts';
import type { CrossOriginPolicy } from '../../src/contract/cross-origin.ts';
import { crossOriginPolicy } from '../../src/contract/cross-origin.ts';
import type { Budget } from '../../src/gateway/budget.ts';
import { BodyBudget } from '../../src/gateway/body-budget.ts';
import type { CountCache } from '../../src/gateway/cache-stats.ts';

import { wireEmbeddings } from './adapters/embeddings.ts';
import type { Embeddings } from './adapters/embeddings.ts';
import type { Heavy } from './adapters/jobs.ts';
import { schedulerQueue, wireHeavy } from './adapters/jobs.ts';
import { wireRetrieval } from './adapters/retrieval.ts';
import type { Retrieval } from './adapters/retrieval.ts';
import type { Tenancy } from './adapters/tenancy.ts';
import { wireTenancy } from './adapters/tenancy.ts';
import type { BodyParts } from './body-intake.ts';
import { countInMetrics, Metrics } from './metrics.ts';
import { erasureSteps, TenantEraser } from '../../src/gateway/tenancy/tenant-eraser.ts';
import { TenantSuspension } from '../../src/gateway/tenancy/tenant-suspension.ts';
import { organisationOf } from '../../src/tenancy/resource-ids.ts';
import { heldCounters } from '../../src/gateway/tenancy/holdings.ts';
import { GatewayRegion } from './location-hint.ts';
import { Readiness } from './readiness.ts';
import type { GatewayEnv } from './env.ts';

/** Everything a route may use: the use cases and ports of this isolate, wired once. */
export interface Gateway {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly authenticator: Authenticator;
  readonly budget: Budget;
  readonly tenancy: Tenancy;
  readonly embeddings: Embeddings;
  readonly retrieval: Retrieval;
  readonly heavy: Heavy;
  readonly suspension: TenantSuspension;
  readonly eraser: TenantEraser;
  readonly region: GatewayRegion;
  readonly crossOrigin: CrossOriginPolicy | undefined;
  readonly bodies: BodyParts;
}

const wired = new WeakMap<GatewayEnv, Gateway>();

/** The gateway of this isolate; state such as caches and leases lives as long as the isolate does. */
export function compose(env: GatewayEnv): Gateway {
  const known = wired.get(env);
  if (known !== undefined) return known;
  const gateway = wire(env);
  wired.set(env, gateway);
  return gateway;
}

function wire(env: GatewayEnv): Gateway {
  const clock: Clock = { nowMs: () => Date.now() };
  const rng: Rng = { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) };
  const metrics = new Metrics();
  const bodies = new BodyBudget();
  metrics.gauge('sluice_request_body_bytes', {}, () => bodies.bytes);
  const tenancy = wireTenancy(env, clock, rng, metrics, (resource, tenant) => counters[resource](tenant));
  const count: CountCache = (principal, event) => {
    tenancy.countCache(principal, event);
    countInMetrics(metrics, event);
  };
  const embeddings = wireEmbeddings(env, clock, rng, metrics, tenancy.organisations, count);
  const region = new GatewayRegion();
  const retrieval = wireRetrieval(env, clock, rng, metrics, tenancy.organisations, embeddings, count, tenancy.budget, () => region.hint);
  const heavy = wireHeavy(env, clock, rng, tenancy);
  const counters = heldCounters(retrieval.indexes, schedulerQueue(env.SCHEDULER));
  const steps = erasureSteps({
    at: (tenant) => tenancy.organisations.at(organisationOf(tenant)),
    quotas: tenancy.quotaLedgers,
    indexes: retrieval.indexes,
    jobs: schedulerQueue(env.SCHEDULER),
    logs: heavy.logs,
    files: heavy.writer,
    billing: tenancy.ledgers,
    purger: embeddings.purger,
  });
  return {
    clock,
    rng,
    metrics,
    readiness: new Readiness(tenancy, embeddings.models, clock),
    tenancy,
    embeddings,
    retrieval,
    heavy,
    suspension: new TenantSuspension(tenancy.organisations, schedulerQueue(env.SCHEDULER)),
    eraser: new TenantEraser(tenancy.organisations, steps, (ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    region,
    crossOrigin: crossOriginPolicy(env.CORS_ORIGINS),
    bodies: { budget: bodies, clock, timer: systemTimer },
    authenticator: tenancy.authenticator,
    budget: tenancy.budget,
  };
}
