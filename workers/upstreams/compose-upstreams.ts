import { systemTimer } from '../../durable-objects/system-timer.ts';
import { Completions } from '../../src/gateway/upstreams/completion.ts';
import { FirstTarget } from '../../src/gateway/upstreams/first-target.ts';
import type { UpstreamCalls } from '../../src/gateway/upstreams/upstream-admin.ts';
import { UpstreamAdmin } from '../../src/gateway/upstreams/upstream-admin.ts';
import type { Tenancy } from '../gateway/adapters/tenancy.ts';
import { wireTenancy } from '../gateway/adapters/tenancy.ts';
import type { UpstreamsEnv } from '../gateway/env.ts';
import { Readiness } from '../gateway/readiness.ts';
import type { Serving } from '../gateway/serving.ts';
import { basicsOf, oncePerIsolate } from '../gateway/serving.ts';
import { HttpTransport } from './adapters/http-transport.ts';
import { storedTargets } from './adapters/stored-targets.ts';

/** Everything a route of the upstreams Worker may use: the use cases and ports of this isolate, wired once. */
export interface Upstreams extends Serving {
  readonly tenancy: Tenancy;
  readonly admin: UpstreamAdmin;
  readonly completions: Completions;
}

export const composeUpstreams = oncePerIsolate((env: UpstreamsEnv): Upstreams => {
  const basics = basicsOf(env);
  const tenancy = wireTenancy(env, basics, {});
  const { organisations, authenticator, budget } = tenancy;
  // A stub belongs to the request that made it: one is made for each call.
  const upstreams = (owner: string) => env.UPSTREAM.get(env.UPSTREAM.idFromName(owner)) as unknown as UpstreamCalls;
  return {
    ...basics,
    readiness: new Readiness({ organisations, clock: basics.clock }),
    authenticator,
    budget,
    tenancy,
    admin: new UpstreamAdmin({ upstreams }),
    completions: new Completions({
      targets: storedTargets(upstreams),
      dispatcher: new FirstTarget(() => basics.clock.nowMs()),
      transport: new HttpTransport({ timer: systemTimer, secretOf: () => Promise.resolve(undefined) }),
      clock: basics.clock,
    }),
  };
});
