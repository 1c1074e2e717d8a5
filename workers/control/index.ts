import { WorkerEntrypoint } from 'cloudflare:workers';

import { CONTROL_ENDPOINTS } from '../../src/contract/control-endpoints.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import type { ReplicaCalls, ReplicaTexts, ReplicaVectors } from '../../src/gateway/models/replica-calls.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { buildApp } from '../gateway/app.ts';
import { composeControl } from '../gateway/compose-control.ts';
import { CONTROL_HANDLERS } from '../gateway/control-handlers.ts';
import type { ControlEnv } from '../gateway/env.ts';
import type { ForwardedCalls } from '../gateway/forwarded-worker.ts';
import { haveSameSecrets } from '../gateway/forwarded-worker.ts';
import { alwaysAnswer } from '../gateway/http-error.ts';
import type { MetricFamily } from '../gateway/metrics.ts';
import { routesOf } from '../gateway/serve.ts';

const app = buildApp({ compose: composeControl, routes: routesOf(CONTROL_ENDPOINTS, CONTROL_HANDLERS) });
const answer = alwaysAnswer((request, env: ControlEnv, context: ExecutionContext) => app.fetch(request, env, context));

/** What the gateway reaches: requests under its `FORWARDED_PREFIXES` as they came in, and what `ForwardedCalls` has. */
export class ControlService extends WorkerEntrypoint<ControlEnv> implements ForwardedCalls, ReplicaCalls {
  override fetch(request: Request): Promise<Response> {
    return answer(request, this.env, this.ctx);
  }

  async ready(fingerprint: string): Promise<Outcome<null>> {
    const same = await haveSameSecrets(fingerprint, this.env);
    return same.ok ? composeControl(this.env).readiness.check() : same;
  }

  replicaModels(tenantId: TenantId): Promise<Outcome<readonly string[]>> {
    return composeControl(this.env).heavy.modelReplicas.replicaModels(tenantId);
  }

  embedOnReplica(tenantId: TenantId, texts: ReplicaTexts): Promise<Outcome<ReplicaVectors>> {
    return composeControl(this.env).heavy.modelReplicas.embedOnReplica(tenantId, texts);
  }

  metrics(): Promise<readonly MetricFamily[]> {
    return Promise.resolve(composeControl(this.env).metrics.families());
  }
}

/** This Worker is not called over HTTP from outside: it has no route but the gateway's binding. */
export default {};
