import type { Outcome } from '../../contract/outcome.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import type { InputType } from '../../inference/served/model-calls.ts';
import { findManifest } from '../embedding-models.ts';
import type { EmbeddedInputs, Embedder, EmbedInputs } from '../embed.ts';
import type { ModelRoutes } from './model-routes.ts';
import type { RegisteredEmbedder } from './registered-embedder.ts';

interface AnyEmbedderParts {
  readonly builtin: readonly ModelManifest[];
  readonly own: Embedder;
  readonly registered: RegisteredEmbedder;
  readonly routes: ModelRoutes;
}

/** Embeds by whatever a name means: a model of the deployment, or a registered one of the tenant or the platform (M40). */
export class AnyEmbedder {
  readonly #parts: AnyEmbedderParts;

  constructor(parts: AnyEmbedderParts) {
    this.#parts = parts;
  }

  async embedInputs(request: EmbedInputs, inputType: InputType | undefined): Promise<Outcome<EmbeddedInputs>> {
    const { builtin, own, routes } = this.#parts;
    if (findManifest(builtin, request.model).ok) return own.embedInputs(request);
    const embedded = await this.#byRoute(request, inputType);
    if (embedded === undefined || embedded.ok || embedded.error.code !== 'unavailable') return embedded ?? own.embedInputs(request);
    // [M41] The version may have been retired since this isolate asked which one serves.
    routes.forget(request.principal.tenantId, request.model);
    return (await this.#byRoute(request, inputType)) ?? own.embedInputs(request);
  }

  /** Undefined: nothing registered has the name. */
  async #byRoute(request: EmbedInputs, inputType: InputType | undefined): Promise<Outcome<EmbeddedInputs> | undefined> {
    const { own, registered, routes } = this.#parts;
    const route = await routes.find(request.principal.tenantId, request.model);
    if (!route.ok) return route;
    if (route.value === undefined) return undefined;
    if (route.value.kind === 'registered') return registered.embedInputs(request, route.value, inputType);
    return own.embedInputs({ ...request, model: route.value.model });
  }
}
