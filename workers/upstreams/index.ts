import { WorkerEntrypoint } from 'cloudflare:workers';

import type { Outcome } from '../../src/contract/outcome.ts';
import { UPSTREAM_ENDPOINTS } from '../../src/contract/upstream-endpoints.ts';
import { buildApp } from '../gateway/app.ts';
import type { UpstreamsEnv } from '../gateway/env.ts';
import type { ForwardedCalls } from '../gateway/forwarded-worker.ts';
import { haveSameSecrets } from '../gateway/forwarded-worker.ts';
import { alwaysAnswer } from '../gateway/http-error.ts';
import type { MetricFamily } from '../gateway/metrics.ts';
import { routesOf } from '../gateway/serve.ts';
import { composeUpstreams } from './compose-upstreams.ts';
import { UPSTREAM_HANDLERS } from './upstream-handlers.ts';
import { upstreamFamilies } from './upstream-metrics.ts';

export { RouteObject } from '../../durable-objects/route-object.ts';
export { RequestLogObject } from '../../durable-objects/request-log-object.ts';
export { UpstreamObject } from '../../durable-objects/upstream-object.ts';
export { UpstreamUseObject } from '../../durable-objects/upstream-use-object.ts';

const app = buildApp({ compose: composeUpstreams, routes: routesOf(UPSTREAM_ENDPOINTS, UPSTREAM_HANDLERS) });
const answer = alwaysAnswer((request, env: UpstreamsEnv, context: ExecutionContext) => app.fetch(request, env, context));

/** What the gateway reaches: requests under its `FORWARDED_PREFIXES` as they came in, and what `ForwardedCalls` has. */
export class UpstreamService extends WorkerEntrypoint<UpstreamsEnv> implements ForwardedCalls {
  override fetch(request: Request): Promise<Response> {
    return answer(request, this.env, this.ctx);
  }

  async ready(fingerprint: string): Promise<Outcome<null>> {
    const same = await haveSameSecrets(fingerprint, this.env);
    return same.ok ? composeUpstreams(this.env).readiness.check() : same;
  }

  metrics(): Promise<readonly MetricFamily[]> {
    const { metrics, dispatcher } = composeUpstreams(this.env);
    return Promise.resolve([...metrics.families(), ...upstreamFamilies(dispatcher.health(), dispatcher.waiting)]);
  }
}

/** What a route of its own reaches, where a deployment has one for the paths of its calls: they are spared the way through the gateway. [G67] */
export default { fetch: answer };
