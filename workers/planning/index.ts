import { WorkerEntrypoint } from 'cloudflare:workers';

import type { Outcome } from '../../src/contract/outcome.ts';
import { PLANNING_ENDPOINTS } from '../../src/contract/planning-endpoints.ts';
import { buildApp } from '../gateway/app.ts';
import type { PlanningEnv } from '../gateway/env.ts';
import type { ForwardedCalls } from '../gateway/forwarded-worker.ts';
import { haveSameSecrets } from '../gateway/forwarded-worker.ts';
import { alwaysAnswer } from '../gateway/http-error.ts';
import type { MetricFamily } from '../gateway/metrics.ts';
import { routesOf } from '../gateway/serve.ts';
import { composePlanning } from './compose-planning.ts';
import { PLANNING_HANDLERS } from './planning-handlers.ts';

export { DebtRegisterObject } from './debt-register-object.ts';
export { PlanningObject } from './planning-object.ts';

const app = buildApp({ compose: composePlanning, routes: routesOf(PLANNING_ENDPOINTS, PLANNING_HANDLERS) });
const answer = alwaysAnswer((request, env: PlanningEnv, context: ExecutionContext) => app.fetch(request, env, context));

/** What the gateway reaches: requests under its `FORWARDED_PREFIXES` as they came in, and what `ForwardedCalls` has. */
export class PlanningService extends WorkerEntrypoint<PlanningEnv> implements ForwardedCalls {
  override fetch(request: Request): Promise<Response> {
    return answer(request, this.env, this.ctx);
  }

  async ready(fingerprint: string): Promise<Outcome<null>> {
    const same = await haveSameSecrets(fingerprint, this.env);
    return same.ok ? composePlanning(this.env).readiness.check() : same;
  }

  metrics(): Promise<readonly MetricFamily[]> {
    return Promise.resolve(composePlanning(this.env).metrics.families());
  }
}

/** This Worker is not called over HTTP from outside: it has no route but the gateway's binding. */
export default {};
