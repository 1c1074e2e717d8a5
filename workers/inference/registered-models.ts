import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuseResource } from '../../src/contract/api/outcome.ts';
import { ModelRoutes } from '../../src/gateway/models/model-routes.ts';
import { versionFor } from '../../src/inference/registry/model-route.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import { ok } from '../../src/kernel/result.ts';
import type { UpstreamOwner } from '../../src/upstreams/upstream-record.ts';
import type { InferenceEnv } from './loaded-models.ts';
import { systemClock } from '../../durable-objects/system-time.ts';

/** A registered version that serves, and the contract that its answers are compared under. */
export interface RegisteredModel extends ModelRef {
  readonly contractHash: string;
}

/** One per isolate. */
const known = new WeakMap<InferenceEnv, ModelRoutes>();

/** The registered model that serves under a name: of the owner, else of the platform. Refuses with `model_not_found` and `unavailable`. */
export async function findRegistered(env: InferenceEnv, owner: UpstreamOwner, model: string): Promise<Outcome<RegisteredModel>> {
  const routes = known.get(env) ?? new ModelRoutes((id) => env.MODEL_REGISTRY.getByName(id), systemClock);
  known.set(env, routes);
  // Registries call the platform as upstreams do.
  const found = await routes.find(owner as TenantId, model);
  if (!found.ok) return found;
  const route = found.value;
  if (route === undefined || route.kind === 'builtin') return absent(model);
  const { version, manifest, contractHash } = versionFor(route, crypto.randomUUID());
  return ok({ owner: route.owner, model: route.model, version: String(version), manifest, contractHash });
}

const absent = (model: string) =>
  refuseResource('model_not_found', { kind: 'model', name: model }, `no version of a registered model serves as ${JSON.stringify(model)}`);
