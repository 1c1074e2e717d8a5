import { bareMatches, fetchedMatches } from '../../../../src/index/fan-out/answer-columns.ts';
import type { ShardMatches } from '../../../../src/ann/shard-protocol.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import type { Metric } from '../../../../src/contract/index-settings.ts';
import type { Outcome } from '../../../../src/contract/outcome.ts';
import { refuse } from '../../../../src/contract/outcome.ts';
import type { AskedPoints } from '../../../../src/contract/qdrant/search.ts';
import type { QueryBody } from '../../../../src/contract/vectors.ts';
import type { OnIndex } from '../../../../src/gateway/vectors.ts';
import type { IndexRef } from '../../../../src/gateway/index-ref.ts';
import { withoutTexts } from '../../../../src/gateway/vector-space.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { PointCall } from './call.ts';
import { inQdrantWords } from './call.ts';
import type { Recommendation } from './recommendation.ts';
import { idsOf, recommendedPoint } from './recommendation.ts';
import { includeOf, recordsOf } from './records.ts';

export const LIMIT_DEFAULT = 10;

/** The score of points that nothing was compared with. */
const LISTED_SCORE = 1;

export type FoundPoints = OnIndex<ShardMatches>;

/** What a query of one kind fills in of a search. */
type Aim = Pick<QueryBody, 'vector' | 'id' | 'positive_ids' | 'negative_ids' | 'mmr'> & {
  readonly exclude_ids: string[];
  readonly scale: number;
};

/** Points with their scores, closest first: the page that was asked for. */
export async function findPoints(call: PointCall, collection: IndexRef, asked: AskedPoints): Promise<Outcome<FoundPoints>> {
  const { limit, offset } = { limit: asked.limit ?? LIMIT_DEFAULT, offset: asked.offset ?? 0 };
  if (asked.query.kind === 'listed') return listed(call, collection, asked, limit, offset);
  const aim = await aimOf(call, collection, asked, limit + offset);
  if (!aim.ok) return aim;
  const { scale, ...target } = aim.value;
  const { values, metadata } = includeOf(asked);
  const searched: QueryBody = {
    ...target,
    top_k: limit,
    offset,
    namespace: '',
    filter: asked.filter,
    exact: asked.params?.exact ?? false,
    explain: false,
    consistency: 'strong',
    include_values: values,
    include_metadata: metadata,
    include_text: false,
  };
  const found = await call.gateway.retrieval.vectors.query(withoutTexts(call), collection, searched, deadlineOf(call));
  if (!found.ok) return inQdrantWords(found.error);
  // Qdrant's answers have no field for it.
  if (found.value.missing !== undefined) return refuse('deadline_exceeded', 'the search ran out of time before every shard had answered');
  const scores = found.value.scores.map((score) => score * scale);
  return ok(closeEnough({ ...found.value, scores }, asked.score_threshold ?? null));
}

/** When a search that may take so many seconds has to be done. Absent: by when any search has to. */
function deadlineOf({ gateway, query }: PointCall): number | undefined {
  if (query?.timeout === undefined) return undefined;
  return gateway.clock.nowMs() + Math.min(query.timeout * 1000, LIMITS.queryDeadlineMaxMs);
}

/** Points as answers have them. */
export const scoredPoints = (found: FoundPoints, asked: Pick<AskedPoints, 'with_payload' | 'with_vector'>) =>
  recordsOf(found, asked).map((record, i) => ({ ...record, version: found.lsn, score: must(found.scores[i], 'every match has a score') }));

async function listed(
  call: PointCall,
  collection: IndexRef,
  asked: AskedPoints,
  limit: number,
  offset: number,
): Promise<Outcome<FoundPoints>> {
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
  });
  return fetched.ok ? ok({ ...fetchedMatches(behind, fetched.value), manifest: fetched.value.manifest }) : inQdrantWords(fetched.error);
}

async function aimOf(call: PointCall, collection: IndexRef, { query }: AskedPoints, topK: number): Promise<Outcome<Aim>> {
  if (query.kind === 'recommend') return recommendationAim(call, collection, query);
  if (query.kind === 'listed') return refuse('invalid_value', 'give a vector, text or example to search for', 'query');
  const { to, mmr: choice } = query;
  const mmr = choice === null ? undefined : { diversity: choice.diversity, candidates_limit: Math.max(choice.candidates ?? topK, topK) };
  return ok(to.kind === 'id' ? { id: to.id, mmr, exclude_ids: [to.id], scale: 1 } : { vector: to.values, mmr, exclude_ids: [], scale: 1 });
}

async function recommendationAim(call: PointCall, collection: IndexRef, query: Recommendation): Promise<Outcome<Aim>> {
  const { positive, negative, strategy } = query;
  const isOfNone = strategy === 'average_vector' ? positive.length === 0 : positive.length + negative.length === 0;
  if (isOfNone) return refuse('invalid_value', 'give at least one positive example', 'positive');
  const [likes, dislikes] = [idsOf(positive), idsOf(negative)];
  const areStored = likes.length + dislikes.length === positive.length + negative.length;
  if (strategy === 'average_vector' && areStored) {
    return ok({ positive_ids: likes, negative_ids: dislikes.length === 0 ? undefined : dislikes, exclude_ids: [], scale: 1 });
  }
  const point = await recommendedPoint(call, collection, query);
  return point.ok ? ok({ vector: point.value.values, exclude_ids: [...likes, ...dislikes], scale: point.value.scale }) : point;
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
