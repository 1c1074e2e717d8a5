import { systemClock, systemTimer } from '../../../durable-objects/system-time.ts';
import type { CrossOriginPolicy } from '../../../src/contract/api/cross-origin.ts';
import { crossOriginPolicy } from '../../../src/contract/api/cross-origin.ts';
import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { AuthorityWatches } from '../../../src/gateway/tenancy/authority-watches.ts';
import type { Authenticator } from '../../../src/gateway/tenancy/authority.ts';
import { BodyBudget } from '../../../src/gateway/api/body-budget.ts';
import type { Budget } from '../../../src/gateway/tenancy/budget.ts';
import type { AgentAuthenticator } from '../../../src/gateway/pools/agent-authenticator.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { RefusalPace } from '../../../src/kernel/refusal-pace.ts';
import type { Rng } from '../../../src/kernel/rng.ts';
import type { BodyParts } from './body-intake.ts';
import type { ServingEnv } from '../env.ts';
import { REFUSALS } from '../../../src/gateway/api/refusals.ts';
import { WorkGate } from '../../../src/gateway/api/work-gate.ts';
import { GatewayRegion } from './location-hint.ts';
import { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** Receives how calls of tenants were answered: the counter of `callCounter`. */
export type CountCall = (principal: TenantPrincipal, endpoint: string, counter: string) => void;

/** What answering a request takes, whatever it is about. Each isolate has its own. */
export interface Serving {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly authenticator: Authenticator;
  readonly watches: AuthorityWatches;
  readonly budget: Budget;
  readonly countCall: CountCall;
  /** Of pools' agents; absent where none may call. */
  readonly agents?: AgentAuthenticator;
  readonly region: GatewayRegion;
  readonly crossOrigin: CrossOriginPolicy | undefined;
  readonly bodies: BodyParts;
  readonly refusals: RefusalPace;
  readonly gate: WorkGate;
}

/** The parts that depend on nothing but the platform. */
export type Basics = Pick<Serving, 'clock' | 'rng' | 'metrics' | 'region' | 'crossOrigin' | 'bodies' | 'refusals' | 'gate'>;

export function basicsOf(env: ServingEnv): Basics {
  const clock = systemClock;
  const metrics = new Metrics();
  const budget = new BodyBudget();
  const gate = new WorkGate(clock, systemTimer);
  metrics.gauge('sluice_calls_waiting', {}, () => gate.waiting);
  metrics.gauge('sluice_request_body_bytes', {}, () => budget.bytes);
  return {
    clock,
    gate,
    rng: { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    metrics,
    region: new GatewayRegion(),
    crossOrigin: crossOriginPolicy(env.CORS_ORIGINS),
    bodies: { budget, clock, timer: systemTimer },
    refusals: new RefusalPace(REFUSALS, Math.random),
  };
}

/** What an isolate is made of, by its environment. State such as caches and leases lives as long as the isolate does. */
export function oncePerIsolate<Env extends object, Parts>(wire: (env: Env) => Parts): (env: Env) => Parts {
  const wired = new WeakMap<Env, Parts>();
  return (env) => {
    const known = wired.get(env);
    if (known !== undefined) return known;
    const parts = wire(env);
    wired.set(env, parts);
    return parts;
  };
}
