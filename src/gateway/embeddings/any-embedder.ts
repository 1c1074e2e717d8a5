import { ANY_FRESH } from '../../cache/cache-directives.ts';
import { pinnedName } from '../../contract/api/model-name.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import { outputFor } from '../../inference/embedding-output.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import type { RegisteredRoute } from '../../inference/registry/model-route.ts';
import type { InputType } from '../../inference/served/model-calls.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { findManifest } from './embedding-models.ts';
import type { EmbeddedInputs, Embedder, EmbedInputs } from './embed.ts';
import { BUILT_IN_FORM } from './embed.ts';
import type { EmbeddedTexts, EmbeddingContract, EmbedTexts, TextEmbedder } from './text-embedder.ts';
import type { ModelRoutes } from '../models/model-routes.ts';
import type { RegisteredEmbedder } from './registered-embedder.ts';
import { checkDense } from './registered-embedder.ts';
import { Composed } from '../api/composed.ts';

interface AnyEmbedderParts {
  readonly builtin: readonly ModelManifest[];
  readonly own: Embedder;
  readonly registered: RegisteredEmbedder;
  readonly routes: ModelRoutes;
}

/** Embeds by whatever a name means: a model of the deployment, or a registered one of the tenant or the platform (M40). */
export class AnyEmbedder extends Composed<AnyEmbedderParts> implements TextEmbedder {
  /** [M45] What is searched for is a query, what is kept a passage. */
  async embed({ texts, use, output = 'dense', ...request }: EmbedTexts): Promise<Outcome<EmbeddedTexts>> {
    const inputs = texts.map((text) => ({ kind: 'text' as const, text }));
    const form = output === 'dense' ? { mustBeDense: true } : { output };
    const embedded = await this.embedInputs(
      { ...request, ...form, inputs, directives: ANY_FRESH },
      use === 'queries' ? 'query' : 'passage',
    );
    if (!embedded.ok) return embedded;
    const { rows, ...rest } = embedded.value;
    return ok({ ...rest, ...(output === 'dense' ? {} : { rows }), contractHash: rest.manifest.contractHash });
  }

  async contractOf(
    tenantId: TenantId,
    model: string,
    contractHash?: string,
    output: EmbeddingOutput = 'dense',
  ): Promise<Outcome<EmbeddingContract>> {
    const meant = await this.#meaningOf(tenantId, model, contractHash);
    if (!meant.ok) return meant;
    if (!isRegistered(meant.value)) {
      return outputFor(meant.value.id, BUILT_IN_FORM, output).ok ? ok(meant.value) : lacking(meant.value.id, output);
    }
    const { model: id, serving } = meant.value;
    const { dimensions, retrievalQuality } = serving.manifest;
    const makesDense = output === 'dense' ? checkDense(id, serving) : ok(null);
    if (!makesDense.ok) return makesDense;
    if (!outputFor(id, serving.manifest, output).ok) return lacking(id, output);
    const measured = retrievalQuality === undefined ? {} : { retrievalQuality };
    return ok({ id, dimensions, version: String(serving.version), contractHash: serving.contractHash, ...measured });
  }

  async embedInputs(request: EmbedInputs, inputType: InputType | undefined): Promise<Outcome<EmbeddedInputs>> {
    const { own, registered, routes } = this.parts;
    const { model, contractHash } = request;
    const { tenantId } = request.principal;
    for (let isRepeated = false; ; isRepeated = true) {
      const meant = await this.#meaningOf(tenantId, model, contractHash);
      if (!meant.ok) return meant;
      if (!isRegistered(meant.value)) return own.embedInputs({ ...request, model: pinnedName(meant.value) });
      const embedded = await registered.embedInputs(request, meant.value, inputType);
      if (embedded.ok || embedded.error.code !== 'unavailable' || isRepeated) return embedded;
      // [M41] The version may have been retired since this isolate asked which one serves.
      routes.forget(tenantId, model, contractHash);
    }
  }

  /** [M40] [M44] What has the contract, if anything of the name has it, and else what answers to the name. Refuses with `model_not_found` or `unavailable`. */
  async #meaningOf(tenantId: TenantId, model: string, contractHash?: string): Promise<Outcome<ModelManifest | RegisteredRoute>> {
    const { builtin, routes } = this.parts;
    const own = findManifest(builtin, model, contractHash);
    if (own.ok && (contractHash === undefined || own.value.contractHash === contractHash)) return own;
    const route = await routes.find(tenantId, model, contractHash);
    if (!route.ok) return route;
    if (route.value === undefined) return own;
    return route.value.kind === 'registered' ? ok(route.value) : findManifest(builtin, route.value.model, contractHash);
  }
}

const lacking = (model: string, output: EmbeddingOutput) =>
  refuse('invalid_value', `${model} makes no ${output === 'tokens' ? 'token' : output} vectors`, 'model');

const isRegistered = (meant: ModelManifest | RegisteredRoute): meant is RegisteredRoute => 'kind' in meant;
