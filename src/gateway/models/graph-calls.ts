import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { findVersion } from '../../inference/model-manifest.ts';
import type { RegisteredRoute } from '../../inference/registry/model-route.ts';
import { versionFor } from '../../inference/registry/model-route.ts';
import type { Classes, ModelCalls, Verified } from '../../inference/served/model-calls.ts';
import type { ModelRef } from '../../inference/served-manifest.ts';
import type { NamedTensor } from '../../inference/tensor.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { ModelRoutes } from './model-routes.ts';
import { Composed } from '../api/composed.ts';

interface GraphCallsParts {
  readonly builtin: readonly ModelManifest[];
  readonly routes: ModelRoutes;
  readonly inference: Pick<ModelCalls, 'verify' | 'infer' | 'classify'>;
}

/** Which model is asked for: by its name or an alias, and perhaps one version of it. */
interface Asked {
  readonly principal: TenantPrincipal;
  /** Such as `minilm`, or `minilm@2`. */
  readonly model: string;
  /** What decides between the version that serves and its canary. */
  readonly requestKey: string;
}

interface InferRequest extends Asked {
  readonly inputs: readonly NamedTensor[];
  /** Names of those that are wanted; undefined: all. */
  readonly outputs: readonly string[] | undefined;
}

interface Answered<T> {
  readonly ref: ModelRef;
  readonly value: T;
}

interface ClassifyRequest extends Asked {
  readonly texts: readonly string[];
  readonly reserve: (quantities: { readonly embedding_tokens: number }) => Promise<Outcome<void>>;
}

/**
 * Runs the graphs of registered models: of any task on tensors, of classifiers on texts. Refuses with `model_not_found` where no version serves, with `scope_denied`
 * what an alias stands for, and with `unavailable`. [M47]
 */
export class GraphCalls extends Composed<GraphCallsParts> {
  /** The model of the deployment that a name or an alias means; undefined: it means none of them. Refuses with `scope_denied` and `unavailable`. */
  async deployed({ principal, model }: Asked): Promise<Outcome<ModelManifest | undefined>> {
    const { builtin, routes } = this.parts;
    let manifest = findVersion(builtin, model);
    if (manifest === undefined) {
      const route = await routes.find(principal.tenantId, model);
      if (!route.ok) return route;
      if (route.value?.kind !== 'builtin') return ok(undefined);
      manifest = findVersion(builtin, route.value.model);
    }
    const touched = manifest === undefined ? ok(null) : mayTouchModels(principal, [manifest.id]);
    return touched.ok ? ok(manifest) : touched;
  }

  /** The version that answers; nothing is loaded. */
  async find(asked: Asked): Promise<Outcome<ModelRef>> {
    const { principal, model, requestKey } = asked;
    const route = await this.parts.routes.find(principal.tenantId, model);
    if (!route.ok) return route;
    if (route.value === undefined) return absent(model);
    if (route.value.kind === 'builtin') return notOfGraphs(route.value.model);
    const touched = mayTouchModels(principal, [route.value.model]);
    return touched.ok ? ok(refOf(route.value, `${principal.tenantId}:${requestKey}`)) : touched;
  }

  /** Loads the version, if it is not loaded, and answers what its graph takes. */
  ports(asked: Asked): Promise<Outcome<Answered<Pick<Verified, 'inputs' | 'outputs'>>>> {
    return this.#answer(asked, (ref) => this.parts.inference.verify(ref));
  }

  /** Refuses tensors that are not as the graph's inputs say, and outputs that it has not, by their fields. */
  infer(request: InferRequest): Promise<Outcome<Answered<readonly NamedTensor[]>>> {
    return this.#answer(request, (ref) => this.parts.inference.infer(ref, request.inputs, request.outputs));
  }

  /** Reserves a bound of the tokens before, and what was not covered before it answers (M42). Refuses what is no classifier. */
  async classify(request: ClassifyRequest): Promise<Outcome<Answered<Classes>>> {
    const { texts, reserve } = request;
    const found = await this.find(request);
    if (!found.ok) return found;
    const { tokensMax } = found.value.manifest;
    const bound = texts.reduce((sum, text) => sum + Math.min(tokensMax, utf8(text).length + SPECIAL_TOKENS), 0);
    const reserved = await reserve({ embedding_tokens: bound });
    if (!reserved.ok) return reserved;
    const answered = await this.#answer(request, (ref) => this.parts.inference.classify(ref, texts));
    if (!answered.ok) return answered;
    const tokens = answered.value.value.tokens.reduce((sum, count) => sum + count, 0);
    const rest = tokens > bound ? await reserve({ embedding_tokens: tokens - bound }) : ok(undefined);
    return rest.ok ? answered : rest;
  }

  async #answer<T>(asked: Asked, call: (ref: ModelRef) => Promise<Outcome<T>>): Promise<Outcome<Answered<T>>> {
    const first = await this.#once(asked, call);
    if (first.ok || first.error.code !== 'unavailable') return first;
    // [M41] The version may have been retired since this isolate asked which one serves.
    this.parts.routes.forget(asked.principal.tenantId, asked.model);
    return this.#once(asked, call);
  }

  async #once<T>(asked: Asked, call: (ref: ModelRef) => Promise<Outcome<T>>): Promise<Outcome<Answered<T>>> {
    const ref = await this.find(asked);
    if (!ref.ok) return ref;
    const value = await call(ref.value);
    return value.ok ? ok({ ref: ref.value, value: value.value }) : value;
  }
}

/** Special tokens around a text. */
const SPECIAL_TOKENS = 4;

function refOf(route: RegisteredRoute, requestKey: string): ModelRef {
  const { version, manifest } = versionFor(route, requestKey);
  return { owner: route.owner, model: route.model, version: String(version), manifest };
}

const absent = (model: string) =>
  refuseResource(
    'model_not_found',
    { kind: 'model', name: model },
    `no version of a registered model serves as ${JSON.stringify(model)}`,
    'model',
  );

const notOfGraphs = (model: string) =>
  refuse('invalid_value', `stands for ${model}, a model of the deployment: it makes vectors of texts (/v1/embeddings), no labels`, 'model');

/** What a call of tensors is metered by: the values of its largest input, for ids of texts their tokens with padding. */
export const tokensOfTensors = (tensors: readonly NamedTensor[]): number => Math.max(0, ...tensors.map(({ data }) => data.length));
