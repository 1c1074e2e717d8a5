import { refusalAt } from '../../contract/api/errors.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { pathBelow } from '../../contract/api/field-path.ts';
import type { CutText } from '../../contract/embeddings/truncation.ts';
import { cutTextsOf } from '../../contract/embeddings/truncation.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import type { RegisteredRoute, RoutedVersion } from '../../inference/registry/model-route.ts';
import { versionFor } from '../../inference/registry/model-route.ts';
import type { ModelCalls } from '../../inference/served/model-calls.ts';
import { textChunks } from '../../inference/served/text-chunks.ts';
import { must } from '../../kernel/assert.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import type { EmbeddedInputs, EmbedInputs } from './embed.ts';
import { findManifest } from './embedding-models.ts';
import type { AnyEmbedder } from './any-embedder.ts';
import type { ModelRoutes } from '../models/model-routes.ts';
import { Composed } from '../api/composed.ts';

export interface RerankRequest extends Omit<EmbedInputs, 'inputs' | 'dimensions'> {
  readonly query: string;
  readonly documents: readonly string[];
  /** How many results are wanted; undefined: one for each document. */
  readonly topN?: number | undefined;
}

export interface Ranking {
  /** In falling order of `score`; equal scores in the order of the documents. */
  readonly results: readonly { readonly index: number; readonly score: number }[];
  /** `name@version` of what ranked. */
  readonly model: string;
  readonly version: string;
  readonly tokens: number;
  /** The documents that were cut. */
  readonly cut: readonly CutText[];
  readonly cachedTokens: number;
  /** Of the documents' vectors; undefined: a cross-encoder has none. */
  readonly report: CacheReport | undefined;
}

interface RerankerParts {
  readonly builtin: readonly ModelManifest[];
  readonly embedder: Pick<AnyEmbedder, 'embedInputs'>;
  readonly routes: Pick<ModelRoutes, 'find'>;
  readonly inference: Pick<ModelCalls, 'score'>;
}

/**
 * Puts documents in the order of their relevance to a query: by a registered cross-encoder, or by the cosine of vectors of any embedding model.
 * Documents that are too long are cut where the request allows it, and the query never is. Refuses as `AnyEmbedder.embedInputs` does, with the fields
 * of this request. [M20] [M158]
 */
export class Reranker extends Composed<RerankerParts> {
  async rerank(request: RerankRequest): Promise<Outcome<Ranking>> {
    const { builtin, routes } = this.parts;
    if (findManifest(builtin, request.model).ok) return this.#byVectors(request);
    const route = await routes.find(request.principal.tenantId, request.model);
    if (!route.ok) return route;
    const isScored = route.value?.kind === 'registered' && route.value.serving.manifest.task === 'cross-encoder';
    return isScored ? this.#byScores(request, route.value) : this.#byVectors(request);
  }

  /** What a name stands for now. Refuses with `model_not_found` or `unavailable`. */
  async meaningOf(tenantId: TenantId, model: string): Promise<Outcome<Pick<Ranking, 'model' | 'version'>>> {
    const { builtin, routes } = this.parts;
    const route = findManifest(builtin, model).ok ? ok(undefined) : await routes.find(tenantId, model);
    if (!route.ok) return route;
    if (route.value?.kind === 'registered') return ok({ model: route.value.model, version: String(route.value.serving.version) });
    const own = findManifest(builtin, route.value?.model ?? model);
    return own.ok ? ok({ model: own.value.id, version: own.value.version }) : own;
  }

  async #byVectors({ query, documents, topN, ...request }: RerankRequest): Promise<Outcome<Ranking>> {
    const embedding = { ...request, mustBeDense: true };
    const asked = await this.parts.embedder.embedInputs({ ...embedding, isTruncating: false, inputs: [textOf(query)] }, 'query');
    if (!asked.ok) return err(renamed(asked.error, () => ['query']));
    const found = await this.parts.embedder.embedInputs({ ...embedding, inputs: documents.map(textOf) }, 'passage');
    if (!found.ok) return err(renamed(found.error, documentAt));
    const { manifest, report, cut } = found.value;
    const scores = documents.map((_, index) => cosine(asked.value, found.value, index));
    return ok({
      results: ranked(scores, topN),
      model: manifest.id,
      version: manifest.version,
      tokens: asked.value.tokens + found.value.tokens,
      cut,
      cachedTokens: asked.value.cachedTokens + found.value.cachedTokens,
      report,
    });
  }

  async #byScores(
    { principal, query, documents, topN, isTruncating, reserve }: RerankRequest,
    route: RegisteredRoute,
  ): Promise<Outcome<Ranking>> {
    const touched = mayTouchModels(principal, [route.model]);
    if (!touched.ok) return touched;
    const version = versionFor(route, `${principal.tenantId}:${query}`);
    const bounds = documents.map((document) => pairBound(version, query, document));
    const bound = bounds.reduce((sum, tokens) => sum + tokens, 0);
    const reserved = await reserve({ embedding_tokens: bound });
    if (!reserved.ok) return reserved;
    const ref = { owner: route.owner, model: route.model, version: String(version.version), manifest: version.manifest };
    const scores: number[] = [];
    const cut: CutText[] = [];
    const options = isTruncating === true ? { isTruncating } : {};
    let tokens = 0;
    // In calls of a few pairs each, so that those of other requests run in between.
    for (const chunk of textChunks(documents.keys(), bounds, version)) {
      const [first = 0] = chunk;
      const some = documents.slice(first, first + chunk.length);
      const scored = await this.parts.inference.score(ref, query, some, options);
      if (!scored.ok) return err(renamed(scored.error, (at) => documentAt(at === undefined ? undefined : at + first), 'documents'));
      scores.push(...scored.value.scores);
      cut.push(...cutTextsOf(scored.value.cutTokens).map((one) => ({ ...one, index: first + one.index })));
      tokens += scored.value.tokens.reduce((sum, count) => sum + count, 0);
    }
    // [M42] Nothing is answered whose tokens were not reserved.
    const rest = tokens > bound ? await reserve({ embedding_tokens: tokens - bound }) : ok(undefined);
    if (!rest.ok) return rest;
    return ok({ results: ranked(scores, topN), model: route.model, version: ref.version, tokens, cut, cachedTokens: 0, report: undefined });
  }
}

const textOf = (text: string) => ({ kind: 'text' as const, text });

/** Sorting keeps equal scores in their order. */
const ranked = (scores: readonly number[], topN: number | undefined): Ranking['results'] =>
  scores
    .map((score, index) => ({ index, score }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, topN);

const documentAt = (at: number | undefined) => (at === undefined ? ['documents'] : ['documents', at]);

/** A refusal of the texts of a call, by the field of the request that they came in. */
function renamed(error: Refusal, fieldOf: (at: number | undefined) => (string | number)[], texts = 'input'): Refusal {
  const below = pathBelow(error.path, [texts]);
  if (below === undefined) return error;
  const [at] = below;
  return refusalAt(error, fieldOf(typeof at === 'number' ? at : undefined));
}

/** Special tokens around the two texts of a pair. */
const SPECIAL_TOKENS = 4;

const pairBound = ({ manifest }: RoutedVersion, query: string, document: string): number =>
  Math.min(manifest.tokensMax, utf8(query).length + utf8(document).length + SPECIAL_TOKENS);

/** Of a query and a document's row: unit vectors, or zero. Rounding must not lead beyond 1. */
function cosine({ vectors: query, dimensions }: EmbeddedInputs, { vectors: documents }: EmbeddedInputs, row: number): number {
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += must(query[i], 'the query') * must(documents[row * dimensions + i], 'a row of each document');
  return Math.max(-1, Math.min(1, sum));
}
