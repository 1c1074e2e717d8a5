import type { FieldPath } from '../../../../src/contract/api/field-path.ts';
import { pathBelow } from '../../../../src/contract/api/field-path.ts';
import { bareMatches, fetchedMatches } from '../../../../src/index/fan-out/answer-columns.ts';
import type { ShardMatches } from '../../../../src/ann/shard-protocol.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import type { Metric } from '../../../../src/contract/indexes/index-settings.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { allOf, refuse } from '../../../../src/contract/api/outcome.ts';
import type { AskedPoints } from '../../../../src/contract/qdrant/search.ts';
import type { QueryBody } from '../../../../src/contract/vectors/vectors.ts';
import type { AskedSearch } from '../../../../src/gateway/vectors/searches.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import type { IndexRef } from '../../../../src/gateway/indexes/index-ref.ts';
import { withoutTexts } from '../../../../src/gateway/vectors/vector-space.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { PointCall } from './call.ts';
import { inPart, inQdrantWords } from './call.ts';
import type { Recommendation } from './recommendation.ts';
import { idsOf, recommendedPoint } from './recommendation.ts';
import { includeOf, recordsOf } from './records.ts';

export const LIMIT_DEFAULT = 10;

/** The score of points that nothing was compared with. */
const LISTED_SCORE = 1;

export type FoundPoints = OnIndex<ShardMatches>;

/** What a query of one kind fills in of a search. */
type Target = Pick<QueryBody, 'vector' | 'id' | 'positive_ids' | 'negative_ids' | 'mmr' | 'exclude_ids'>;

interface Aim {
  readonly target: Target;
  /** Scores are multiplied by it. */
  readonly scale: number;
}

/** One search of a call. */
export interface PointSearch {
  readonly asked: AskedPoints;
  /** Where it stands in the call; empty: it is all of it. */
  readonly at: FieldPath;
}

/** Points with their scores, closest first: of each search the page that was asked for. The first search that is refused refuses all. */
export async function findPoints(call: PointCall, collection: IndexRef, searches: readonly PointSearch[]): Promise<Outcome<FoundPoints[]>> {
  const near: (AskedSearch & { readonly scale: number; readonly asked: AskedPoints })[] = [];
  const aims = await Promise.all(searches.map(({ asked }) => aimOf(call, collection, asked)));
  for (const [i, { asked, at }] of searches.entries()) {
    const aim = must(aims[i], 'each search has an aim');
    if (!aim.ok) return inPart(aim.error, at);
    if (aim.value !== LISTED) near.push({ asked, at, body: queryOf(asked, aim.value.target), scale: aim.value.scale });
  }
  const found = await searched(call, collection, near);
  if (!found.ok) return found;
  const scored = found.value.values();
  return allOf(
    searches.map(async ({ asked, at }, i): Promise<Outcome<FoundPoints>> => {
      if (aims[i]?.ok === true && aims[i].value !== LISTED) return ok(must(scored.next().value, 'what has an aim was searched for'));
      const page = await listed(call, collection, asked);
      return page.ok ? page : inPart(page.error, at);
    }),
  );
}

async function searched(
  call: PointCall,
  collection: IndexRef,
  near: readonly (AskedSearch & { readonly scale: number; readonly asked: AskedPoints })[],
): Promise<Outcome<FoundPoints[]>> {
  if (near.length === 0) return ok([]);
  const found = await call.gateway.retrieval.searches.search(withoutTexts(call), collection, near, deadlineOf(call));
  if (!found.ok) {
    const { error } = found;
    return inQdrantWords(error, near.find(({ at }) => pathBelow(error.path, at) !== undefined)?.at);
  }
  const { manifest } = found.value;
  // Qdrant's answers have no field for it.
  const isPartial = found.value.found.some(({ missing }) => missing !== undefined);
  if (isPartial) return refuse('deadline_exceeded', 'the search ran out of time before every shard had answered');
  return ok(
    near.map(({ asked, scale }, i) => {
      const matches = must(found.value.found[i], 'each search has found something');
      const scores = matches.scores.map((score) => score * scale);
      return closeEnough({ ...matches, scores, manifest }, asked.score_threshold ?? null);
    }),
  );
}

function queryOf(asked: AskedPoints, target: Target): QueryBody {
  const { values, metadata } = includeOf(asked);
  return {
    ...target,
    top_k: asked.limit ?? LIMIT_DEFAULT,
    offset: asked.offset ?? 0,
    namespace: '',
    filter: asked.filter,
    exact: asked.params?.exact ?? false,
    explain: false,
    consistency: 'strong',
    include_values: values,
    include_metadata: metadata,
    include_text: false,
    include_fields: false,
  };
}

/** When a search that may take so many seconds has to be done. Absent: by when any search has to. */
function deadlineOf({ gateway, query }: PointCall): number | undefined {
  if (query?.timeout === undefined) return undefined;
  return gateway.clock.nowMs() + Math.min(query.timeout * 1000, API_LIMITS.queryDeadlineMaxMs);
}

/** Points as answers have them. */
export const scoredPoints = (found: FoundPoints, asked: Pick<AskedPoints, 'with_payload' | 'with_vector'>) =>
  recordsOf(found, asked).map((record, i) => ({ ...record, version: found.lsn, score: must(found.scores[i], 'every match has a score') }));

async function listed(call: PointCall, collection: IndexRef, asked: AskedPoints): Promise<Outcome<FoundPoints>> {
  const { limit, offset } = { limit: asked.limit ?? LIMIT_DEFAULT, offset: asked.offset ?? 0 };
  const include = includeOf(asked);
  // What is passed over carries nothing.
  const passed = offset > 0 ? { values: false, metadata: false, text: false } : include;
  const query = { namespace: '', filter: asked.filter ?? null, start: null, limit: limit + offset, include: passed };
  const page = await call.gateway.retrieval.listing.list(call.principal, collection, query);
  if (!page.ok) return inQdrantWords(page.error);
  const scored = { ...page.value, scores: page.value.ids.map(() => LISTED_SCORE) };
  if (offset === 0) return ok(scored);
  const behind = bareMatches(scored, offset, offset + limit);
  const fetched = await call.gateway.retrieval.vectors.fetch(withoutTexts(call), collection, {
    ids: [...behind.ids],
    namespace: '',
    consistency: 'strong',
    include_values: include.values,
    include_metadata: include.metadata,
    include_text: false,
    include_fields: false,
  });
  return fetched.ok ? ok({ ...fetchedMatches(behind, fetched.value), manifest: fetched.value.manifest }) : inQdrantWords(fetched.error);
}

/** Points in the order of their ids, which no search finds. */
const LISTED = 'listed';

async function aimOf(call: PointCall, collection: IndexRef, { query, limit, offset }: AskedPoints): Promise<Outcome<Aim | typeof LISTED>> {
  if (query.kind === 'recommend') return recommendationAim(call, collection, query);
  if (query.kind === 'listed') return ok(LISTED);
  const { to, mmr: choice } = query;
  const topK = (limit ?? LIMIT_DEFAULT) + (offset ?? 0);
  const mmr = choice === null ? undefined : { diversity: choice.diversity, candidates_limit: Math.max(choice.candidates ?? topK, topK) };
  const target = to.kind === 'id' ? { id: to.id, mmr, exclude_ids: [to.id] } : { vector: to.values, mmr, exclude_ids: [] };
  return ok({ target, scale: 1 });
}

async function recommendationAim(call: PointCall, collection: IndexRef, query: Recommendation): Promise<Outcome<Aim>> {
  const { positive, negative, strategy } = query;
  const isOfNone = strategy === 'average_vector' ? positive.length === 0 : positive.length + negative.length === 0;
  if (isOfNone) return refuse('invalid_value', 'give at least one positive example', 'positive');
  const [likes, dislikes] = [idsOf(positive), idsOf(negative)];
  const areStored = likes.length + dislikes.length === positive.length + negative.length;
  if (strategy === 'average_vector' && areStored) {
    const target = { positive_ids: likes, negative_ids: dislikes.length === 0 ? undefined : dislikes, exclude_ids: [] };
    return ok({ target, scale: 1 });
  }
  const point = await recommendedPoint(call, collection, query);
  if (!point.ok) return point;
  return ok({ target: { vector: point.value.values, exclude_ids: [...likes, ...dislikes] }, scale: point.value.scale });
}

/** Of matches, closest first, those that are close enough. By MMR, the order is another one. */
function closeEnough(found: FoundPoints, threshold: number | null): FoundPoints {
  const { dimensions, metric } = found.manifest;
  const kept = found.scores.flatMap((score, i) => (isWithin(metric, score, threshold) ? [i] : []));
  if (kept.length === found.ids.length) return found;
  const some = <T>(column: readonly T[]): T[] => kept.map((i) => must(column[i], 'a column has an item a match'));
  const source = found.values;
  const values = source === null ? null : new Float32Array(kept.length * dimensions);
  if (source !== null)
    kept.forEach((from, to) => values?.set(source.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions));
  const metadata = found.metadata === null ? null : kept.map((i) => found.metadata?.[i] ?? null);
  return { ...found, ids: some(found.ids), scores: some(found.scores), metadata, values };
}

const isWithin = (metric: Metric, score: number, threshold: number | null): boolean =>
  threshold === null || (metric === 'l2' ? score <= threshold : score >= threshold);
