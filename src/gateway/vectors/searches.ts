import type { VectorFieldQuery } from '../../ann/row-fields.ts';
import type { AnswerOf } from '../../ann/shard-operations.ts';
import { replyTooLarge } from '../../ann/shard/included-columns.ts';
import { mmrProducts } from '../../ann/shard/mmr.ts';
import type { Diversification, Include, QueryTarget, ShardMatches, ShardQuery } from '../../ann/shard-protocol.ts';
import { isBare } from '../../ann/shard-protocol.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { ERRORS, refusalAt } from '../../contract/api/errors.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { CountInputs } from '../../contract/tenancy/input-tally.ts';
import { pathBelow } from '../../contract/api/field-path.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import { isTruncating } from '../../contract/embeddings/truncation.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { allOf } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { QueryBody } from '../../contract/vectors/vectors.ts';
import type { Reading } from '../../index/fan-out/shard-reads.ts';
import { bareMatches, columnsBytes, fetchedMatches } from '../../index/fan-out/answer-columns.ts';
import { SearchBatch } from '../../index/fan-out/search-batch.ts';
import { labelsOf } from '../../documents/replacement/label-lists.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import type { IndexFieldSearch, IndexShards, ShardSet } from '../../index/shards/index-shards.ts';
import { must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { IndexRef } from '../indexes/index-ref.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { FieldPoints } from './field-points.ts';
import { excludedBy, storedTarget } from './field-points.ts';
import type { EmbeddedPoints, EmbeddingCaller, VectorSpace } from './vector-space.ts';
import { bothEmbedded, checkVectors } from './vector-space.ts';
import type { OnIndex } from './vectors.ts';
import { checkReply, consistencyOf, includeOf } from './vectors.ts';
import { Composed } from '../api/composed.ts';
import { checkNamedRows, namedIn, readableQueries } from './visible/labelled-reads.ts';
import type { ServedMatches } from './visible/served-matches.ts';
import { servedCount, servedMatches } from './visible/served-matches.ts';
import type { ServedRows } from './visible/served-rows.ts';

interface SearchesParts {
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly space: VectorSpace;
  readonly fieldPoints: FieldPoints;
  readonly served: ServedRows;
  readonly countInputs: CountInputs;
}

/** One search of a request. */
export interface AskedSearch {
  readonly body: QueryBody;
  /** Where it stands in the request; empty: it is all of it. */
  readonly at: FieldPath;
}

/** What the searches of a request found, in their order; texts that were cut by their searches. */
export type FoundBySearches = OnIndex<{ readonly found: readonly ServedMatches[] } & EmbeddedPoints>;

interface Planned extends AskedSearch {
  readonly search: PlannedSearch;
}

/** What shards are asked: near their vectors, or near those of a field. */
type PlannedSearch = { readonly of: 'vectors'; readonly query: ShardQuery } | { readonly of: 'field'; readonly query: IndexFieldSearch };

/** What a search is around. */
type Aim = { readonly of: 'vectors'; readonly target: QueryTarget } | { readonly of: 'field'; readonly query: VectorFieldQuery };

/** Searches an index: once, or several times in one request. */
export class Searches extends Composed<SearchesParts> {
  /**
   * All are checked and embedded before the first is made; those that go to the same shard share calls. Refuses the whole request as the
   * first search that is refused, naming the search and its field: what does not fit the index, or as the embedder and the shard do. [V190]
   */
  search(caller: EmbeddingCaller, index: IndexRef, asked: readonly AskedSearch[], deadlineMs?: number): Promise<Outcome<FoundBySearches>> {
    return onIndex(this.parts.manifests, caller.principal, index, async (manifest) => {
      const readable = readableQueries(caller.principal, asked);
      if (!readable.ok) return readable;
      const planned = await this.#plan(caller, manifest, readable.value);
      if (!planned.ok) return planned;
      const { searches, ...tokens } = planned.value;
      const shards = this.parts.shards.of(manifest);
      const searched = await this.#searchAll(manifest, shards, searches, deadlineMs);
      if (!searched.ok) return searched;
      this.#countScores(caller, manifest, asked, searched.value);
      const found = await filledPages(shards, searches, searched.value);
      return found.ok ? ok({ found: found.value, ...tokens, manifest }) : found;
    });
  }

  /** Of searches around a vector or a text; those around stored vectors say nothing of what is asked. [D80] */
  #countScores(
    { principal }: EmbeddingCaller,
    manifest: IndexManifest,
    asked: readonly AskedSearch[],
    found: readonly ShardMatches[],
  ): void {
    if (manifest.metric !== 'cosine') return;
    const best = asked.flatMap(({ body }, at) => (isPoint(body) && body.field === undefined ? (found[at]?.scores.slice(0, 1) ?? []) : []));
    this.parts.countInputs(principal, 'best-score', `index:${manifest.name}@${manifest.generation}`, best);
  }

  /** Each search is one of the shards' own, until its page is full; several share their first calls, but for those of fields. */
  #searchAll(
    manifest: IndexManifest,
    shards: ShardSet,
    searches: readonly Planned[],
    deadlineMs: number | undefined,
  ): Promise<Outcome<ServedMatches[]>> {
    const shared = searches.filter(({ search }) => search.of === 'vectors').length;
    const batch = shared > 1 ? new SearchBatch(shared) : undefined;
    return allOf(
      searches.map(async ({ search, body, at }): Promise<Outcome<ServedMatches>> => {
        const reading = { consistency: consistencyOf(body.consistency), deadlineMs };
        const wanted = body.offset + body.top_k;
        const place = { manifest, namespace: body.namespace, deadlineMs };
        const found = await this.parts.served.search(place, {
          search: (excluded) =>
            excluded.length === 0 ? ask(shards, search, reading, batch) : ask(shards, without(search, excluded), reading, undefined),
          met: ({ ids }) => ids,
          isShort: ({ ids }, hidden) => ids.length >= wanted && servedCount(ids, hidden) < wanted,
        });
        return found.ok ? ok(servedMatches(found.value, wanted)) : err(inSearch(found.error, at));
      }),
    );
  }

  async #plan(
    caller: EmbeddingCaller,
    manifest: IndexManifest,
    asked: readonly AskedSearch[],
  ): Promise<Outcome<{ readonly searches: readonly Planned[] } & EmbeddedPoints>> {
    const choices: (Diversification | undefined)[] = [];
    for (const { body, at } of asked) {
      const fits = await this.#check(caller, manifest, body);
      if (!fits.ok) return err(inSearch(fits.error, at));
      choices.push(fits.value);
    }
    const together = checkTogether(manifest, asked, choices);
    if (!together.ok) return together;
    const targets = await this.#aims(caller, manifest, asked);
    if (!targets.ok) return targets;
    const { aims, ...tokens } = targets.value;
    const columnsBytesMax = Math.floor(VECTOR_LIMITS.fanOutReplyBytesMax / asked.length);
    const searches = asked.map(({ body, at }, i): Planned => {
      const { namespace, top_k: topK, offset, filter = null, exclude_ids: excludeIds, exact, explain } = body;
      const common = {
        indexId: manifest.id,
        namespace,
        topK: topK + offset,
        filter,
        excludeIds,
        explain,
        // What is passed over carries nothing.
        include: offset > 0 ? NOTHING_INCLUDED : includeOf(body),
        ...(asked.length > 1 ? { columnsBytesMax } : {}),
      };
      const aim = must(aims[i], 'each search is around something');
      const search: PlannedSearch =
        aim.of === 'field'
          ? { of: aim.of, query: { ...common, excludeIds: excludedBy(body, excludeIds), query: aim.query } }
          : { of: aim.of, query: { ...common, target: aim.target, mmr: choices[i], exact } };
      return { body, at, search };
    });
    return ok({ searches, ...tokens });
  }

  async #check({ principal }: EmbeddingCaller, manifest: IndexManifest, body: QueryBody): Promise<Outcome<Diversification | undefined>> {
    const target = TARGETS.find((name) => body[name] !== undefined);
    const searched = body.field === undefined ? checkVectors(manifest, target) : ok(null);
    if (!searched.ok) return searched;
    const fits = checkReply(manifest, body.include_values, body.top_k, 'top_k');
    if (!fits.ok) return fits;
    const mmr = diversificationOf(manifest, body);
    if (!mmr.ok) return mmr;
    const model = await this.parts.space.checkModel(manifest, body.model, 'queries');
    if (!model.ok) return model;
    const place = { manifest, namespace: body.namespace, consistency: consistencyOf(body.consistency) };
    const named = await checkNamedRows(this.parts, place, labelsOf(principal, body.labels), namedIn(body, []));
    return named.ok ? mmr : named;
  }

  /** What each is around. Texts are embedded together, but for those of fields. */
  async #aims(
    caller: EmbeddingCaller,
    manifest: IndexManifest,
    asked: readonly AskedSearch[],
  ): Promise<Outcome<{ readonly aims: readonly Aim[] } & EmbeddedPoints>> {
    const aims: Aim[] = [];
    const ofVectors = await this.#targets(caller, manifest, asked);
    if (!ofVectors.ok) return ofVectors;
    const { targets } = ofVectors.value;
    let used: EmbeddedPoints = ofVectors.value;
    for (const [i, { body, at }] of asked.entries()) {
      const { field, namespace, truncate } = body;
      if (field === undefined) {
        aims.push({ of: 'vectors', target: must(targets[i], 'each search around vectors has a target') });
        continue;
      }
      const terms = { manifest, namespace, consistency: consistencyOf(body.consistency), isTruncating: isTruncating(truncate) };
      const near = await this.parts.fieldPoints.query(caller, terms, { ...body, field }, at);
      if (!near.ok) return near;
      aims.push({ of: 'field', query: near.value.query });
      used = bothEmbedded(used, { ...near.value.used, cut: near.value.used.cut.map((one) => ({ ...one, index: i })) });
    }
    const { tokens, cachedTokens, cut } = used;
    return ok({ aims, tokens, cachedTokens, cut });
  }

  /** Where each searches, but for those of fields. All texts are embedded together. */
  async #targets(
    caller: EmbeddingCaller,
    manifest: IndexManifest,
    asked: readonly AskedSearch[],
  ): Promise<Outcome<{ readonly targets: readonly (QueryTarget | undefined)[] } & EmbeddedPoints>> {
    const given = asked.filter(({ body }) => body.field === undefined && isPoint(body));
    const points = given.map(({ body: { vector: values, text, truncate }, at }) => ({
      values,
      text,
      isTruncating: isTruncating(truncate),
      paths: { values: [...at, 'vector'], text: [...at, 'text'] },
    }));
    const placed = await this.parts.space.place(caller, manifest, undefined, points, 'queries');
    if (!placed.ok) return placed;
    const { values, cut: cutPoints, ...tokens } = placed.value;
    const cut = cutPoints.map((one) => ({ ...one, index: asked.indexOf(must(given[one.index], 'a point is a search')) }));
    const { dimensions } = manifest;
    let row = 0;
    const targets = asked.map(({ body }): QueryTarget | undefined => {
      if (body.field !== undefined) return undefined;
      if (!isPoint(body)) return storedTarget(body);
      const start = row++ * dimensions;
      return { kind: 'values', values: given.length === 1 ? values : values.slice(start, start + dimensions) };
    });
    return ok({ targets, ...tokens, cut });
  }
}

/** What a search goes out from: one of these is there. */
const TARGETS = ['vector', 'text', 'id', 'positive_ids'] as const;

const isPoint = ({ vector, text }: QueryBody): boolean => vector !== undefined || text !== undefined;

function ask(shards: ShardSet, search: PlannedSearch, reading: Reading, batch: SearchBatch | undefined): AnswerOf<'query'> {
  if (search.of === 'field') return shards.searchFields(search.query, reading);
  const { query } = search;
  return batch === undefined ? shards.query(query, reading) : batch.part((part) => shards.query(query, { ...reading, part }));
}

/** The same search, passing over some rows and looking for as many more. Diversified ones choose the first among as many candidates. */
function without(search: PlannedSearch, excluded: readonly string[]): PlannedSearch {
  const more = <Query extends ShardQuery | IndexFieldSearch>(query: Query): Query => ({
    ...query,
    topK: Math.max(query.topK, Math.min(query.topK + excluded.length, VECTOR_LIMITS.topKMaxCount)),
    excludeIds: [...query.excludeIds, ...excluded],
    // Of those that are passed over in the end nothing is read.
    include: NOTHING_INCLUDED,
  });
  if (search.of === 'field') return { of: search.of, query: more(search.query) };
  const { query } = search;
  return { of: search.of, query: query.mmr === undefined ? more(query) : { ...more(query), topK: query.topK } };
}

/** The page of each that was asked for, with what is included. One after another, so that no more is held than one answer may have. */
async function filledPages(
  shards: ShardSet,
  searches: readonly Planned[],
  found: readonly ServedMatches[],
): Promise<Outcome<ServedMatches[]>> {
  const pages: ServedMatches[] = [];
  let bytes = 0;
  for (const [i, search] of searches.entries()) {
    const all = must(found[i], 'each search has found something');
    const isWhole = search.body.offset === 0 && all.isBare !== true;
    const page = isWhole ? ok(all) : await pageOf(shards, search, all);
    if (!page.ok) return err(inSearch(page.error, search.at));
    bytes += searches.length === 1 ? 0 : columnsBytes(page.value);
    if (bytes > VECTOR_LIMITS.retrievalReplyBytesMax) return err(inSearch(replyTooLarge().error, search.at));
    pages.push({ ...page.value, edition: all.edition });
  }
  return ok(pages);
}

/** The matches behind the offset, with what is included. */
async function pageOf(shards: ShardSet, { body, search: { query } }: Planned, found: ShardMatches): Promise<Outcome<ShardMatches>> {
  const { namespace, offset, top_k: topK } = body;
  const { isBare: _, ...page } = bareMatches(found, offset, offset + topK);
  const include = includeOf(body);
  if (page.ids.length === 0 || isBare(include)) return ok(page);
  const fetched = await shards.fetch({ indexId: query.indexId, namespace, ids: page.ids, include }, consistencyOf(body.consistency));
  return fetched.ok ? ok(fetchedMatches(page, fetched.value)) : fetched;
}

const NOTHING_INCLUDED: Include = { values: false, metadata: false, text: false };

/** A refusal of one search names it, unless it is about the index or the moment. */
export function inSearch(error: Refusal, at: FieldPath): Refusal {
  if (at.length === 0 || ERRORS[error.code].retryable || pathBelow(error.path, ['index']) !== undefined) return error;
  return refusalAt(error, [...at, ...(error.path ?? [])]);
}

/** Refuses searches that together find, or read to choose among it, more than one answer may hold. */
function checkTogether(
  { dimensions }: IndexManifest,
  asked: readonly AskedSearch[],
  choices: readonly (Diversification | undefined)[],
): Outcome<null> {
  if (asked.length === 1) return ok(null);
  let [matches, floats] = [0, 0];
  for (const [i, { body, at }] of asked.entries()) {
    matches += body.top_k + body.offset;
    floats += dimensions * ((body.include_values ? body.top_k : 0) + (choices[i]?.candidates ?? 0));
    const path = [...at, 'top_k'];
    if (matches > VECTOR_LIMITS.batchMatchesMaxCount) {
      return refuseBeyond({ path, limit: 'batchMatchesMaxCount', value: matches, what: askedTogether(matches, 'matches') });
    }
    if (floats > VECTOR_LIMITS.retrievalReplyFloatsMaxCount) {
      return refuseBeyond({ path, limit: 'retrievalReplyFloatsMaxCount', value: floats, what: askedTogether(floats, 'numbers') });
    }
  }
  return ok(null);
}

const askedTogether = (count: number, of: string): string => `the searches up to this one ask for ${count} ${of} together`;

const { mmrCandidatesMaxCount: candidatesMax, mmrCandidatesDefaultFactor: factor, mmrProductsMaxCount: productsMax } = VECTOR_LIMITS;

/** How a query is diversified, if it is. Refuses with `limit_exceeded` when choosing would take the shard too long. */
export function diversificationOf(
  { dimensions }: Pick<IndexManifest, 'dimensions'>,
  { mmr, top_k: wanted, offset }: Pick<QueryBody, 'mmr' | 'top_k' | 'offset'>,
): Outcome<Diversification | undefined> {
  if (mmr === undefined) return ok(undefined);
  const topK = wanted + offset;
  const candidates = mmr.candidates_limit ?? Math.max(topK, Math.min(factor * topK, candidatesMax, affordable(topK, dimensions)));
  const products = mmrProducts(candidates, topK, dimensions);
  if (products <= productsMax) return ok({ diversity: mmr.diversity, candidates });
  const what = `choosing ${topK} of ${candidates} candidates of ${dimensions} dimensions takes ${products} multiplications`;
  return refuseBeyond({ path: ['mmr', 'candidates_limit'], limit: 'mmrProductsMaxCount', value: products, what });
}

/** The most candidates for which `mmrProducts` stays within its limit. */
const affordable = (topK: number, dimensions: number): number =>
  topK === 1 ? Infinity : Math.floor(productsMax / dimensions / (topK - 1) + topK / 2);
