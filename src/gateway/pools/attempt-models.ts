import { modelOf } from '../../contract/jobs/job-facts.ts';
import type { DeployedModel } from '../../contract/pools/agent-models.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseResource } from '../../contract/api/outcome.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import type { ModelRef, ServedFile } from '../../inference/served-manifest.ts';
import { ok } from '../../kernel/result.ts';
import type { ModelRoutes } from '../models/model-routes.ts';
import type { AttemptHold } from './attempt-files.ts';
import type { Pools } from './pool-calls.ts';

interface AttemptModelParts<Content> {
  readonly pools: Pools;
  readonly routes: Pick<ModelRoutes, 'find'>;
  readonly read: (owner: ModelOwner, sha256: string) => Promise<Content | undefined>;
}

/**
 * The registered models that attempts work with. The name comes from the attempt that the agent holds, and means what it means to the job's
 * tenant: an agent reads no other model. [P114]
 */
export class AttemptModels<Content> {
  readonly #parts: AttemptModelParts<Content>;

  constructor(parts: AttemptModelParts<Content>) {
    this.#parts = parts;
  }

  /**
   * What serves now, or which model of the deployment an alias stands for. Refuses with `stale_fence`, or with `model_not_found` a name that is
   * neither that of a registered model nor an alias.
   */
  async find({ poolId, partition, attemptId, fence }: AttemptHold): Promise<Outcome<ModelRef | DeployedModel>> {
    const held = await this.#parts.pools(poolId, partition).held(attemptId, fence);
    if (!held.ok) return held;
    const name = modelOf(held.value.work);
    const route = name === null ? ok(undefined) : await this.#parts.routes.find(held.value.tenantId, name);
    if (!route.ok) return route;
    if (route.value?.kind === 'builtin') return ok({ deployed: route.value.model });
    if (route.value === undefined) return noModel(name ?? '');
    const { owner, model, serving } = route.value;
    return ok({ owner, model, version: String(serving.version), manifest: serving.manifest });
  }

  /** Refuses as `find` does, and with `file_not_found` what is no file of that version. */
  async file(hold: AttemptHold, sha256: string): Promise<Outcome<{ readonly file: ServedFile; readonly content: Content }>> {
    const ref = await this.find(hold);
    if (!ref.ok) return ref;
    if ('deployed' in ref.value) return noModel(ref.value.deployed);
    const file = ref.value.manifest.files.find((one) => one.sha256 === sha256);
    const content = file && (await this.#parts.read(ref.value.owner, sha256));
    if (file === undefined || content === undefined)
      return refuseResource('file_not_found', { kind: 'file', name: sha256 }, `${ref.value.model} has no such file`, 'sha256');
    return ok({ file, content });
  }
}

const noModel = (name: string) => refuseResource('model_not_found', { kind: 'model', name }, 'the attempt works with no registered model');
