import type { JsonValue } from '../../../../src/contract/api/json-value.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { AskedGroups, AskedPoints } from '../../../../src/contract/qdrant/search.ts';
import type { IndexRef } from '../../../../src/gateway/indexes/index-ref.ts';
import { parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { Timing } from '../../pipeline/exchange.ts';
import type { PointCall, SearchingCall } from './call.ts';
import { enveloped } from './call.ts';
import type { PointSearch } from './find-points.ts';
import { findPoints, LIMIT_DEFAULT, scoredPoints } from './find-points.ts';
import { isWord, valuesAt, withValues } from './values-at.ts';

/** A call of one of Qdrant's kinds of search. */
type CallOf<Body> = SearchingCall & { readonly timing: Timing; readonly params: { readonly collection: string }; readonly body: Body };

const searchOne = async (call: CallOf<AskedPoints>) => {
  const found = await search(call, call.params.collection, [{ asked: call.body, at: [] }]);
  return found.ok ? { ok: true as const, reply: enveloped(call, found.value[0] ?? []), used: { vector_queries: 1 } } : found;
};

const searchBatch = async (call: CallOf<{ readonly searches: readonly AskedPoints[] }>) => {
  const { searches } = call.body;
  const found = await search(call, call.params.collection, batchOf(searches));
  return found.ok ? { ok: true as const, reply: enveloped(call, found.value), used: { vector_queries: searches.length } } : found;
};

const searchGroups = async (call: CallOf<AskedGroups>) => {
  const reserved = await call.reserve({ vector_queries: 1 });
  if (!reserved.ok) return reserved;
  const { indexes } = call.gateway.retrieval;
  const grouping = indexes.onOne(call.principal, call.params.collection, (pin) => groupPoints(call, pin, call.body));
  const groups = await call.timing.of('search', grouping);
  return groups.ok ? { ok: true as const, reply: enveloped(call, { groups: groups.value }), used: { vector_queries: 1 } } : groups;
};

export const qdrantSearchHandlers = {
  qdrantQuery: async (call) => {
    const found = await search(call, call.params.collection, [{ asked: call.body, at: [] }]);
    return found.ok ? { ok: true, reply: enveloped(call, { points: found.value[0] ?? [] }), used: { vector_queries: 1 } } : found;
  },
  qdrantQueryBatch: async (call) => {
    const { searches } = call.body;
    const found = await search(call, call.params.collection, batchOf(searches));
    if (!found.ok) return found;
    const reply = enveloped(
      call,
      found.value.map((points) => ({ points })),
    );
    return { ok: true, reply, used: { vector_queries: searches.length } };
  },
  qdrantSearch: searchOne,
  qdrantRecommend: searchOne,
  qdrantSearchBatch: searchBatch,
  qdrantRecommendBatch: searchBatch,
  qdrantQueryGroups: searchGroups,
  qdrantSearchGroups: searchGroups,
  qdrantRecommendGroups: searchGroups,
} satisfies Partial<Handlers>;

const batchOf = (searches: readonly AskedPoints[]): PointSearch[] => searches.map((asked, i) => ({ asked, at: ['searches', i] }));

type ScoredPoints = ReturnType<typeof scoredPoints>;

/** What each of some searches finds, or why one of them is refused. */
async function search(
  call: SearchingCall & { readonly timing: Timing },
  collection: string,
  searches: readonly PointSearch[],
): Promise<Outcome<ScoredPoints[]>> {
  const reserved = await call.reserve({ vector_queries: searches.length });
  if (!reserved.ok) return reserved;
  return call.timing.of(
    'search',
    call.gateway.retrieval.indexes.onOne(call.principal, collection, async (pin) => {
      const found = await findPoints(call, pin, searches);
      if (!found.ok) return found;
      return ok(searches.map(({ asked }, i) => scoredPoints(must(found.value[i], 'each search has found something'), asked)));
    }),
  );
}

const GROUP_SIZE_DEFAULT = 3;

/** Matches for each point that a group may have: groups of few points need more of them. */
const CANDIDATES_FACTOR = 10;

/** The closest points by the values at a path: the groups in the order of their closest point. A point is in the group of each value. */
export async function groupPoints(call: PointCall, collection: IndexRef, asked: AskedGroups) {
  const { group_by: path, group_size: size, limit, ...rest } = asked;
  const [groupSize, groupsMax] = [size ?? GROUP_SIZE_DEFAULT, limit ?? LIMIT_DEFAULT];
  const candidates = Math.min(VECTOR_LIMITS.qdrantGroupCandidatesMaxCount, groupSize * groupsMax * CANDIDATES_FACTOR);
  const page = { limit: candidates, offset: 0, filter: withValues(path, asked.filter) };
  const searched = await findPoints(call, collection, [{ asked: { ...rest, ...page, with_payload: true }, at: [] }]);
  if (!searched.ok) return searched;
  const found = must(searched.value[0], 'each search has found something');
  const groups = new Map<string, { readonly id: JsonValue; readonly hits: number[] }>();
  found.ids.forEach((_, hit) => {
    for (const id of valuesAt(parseExactJson(found.metadata?.[hit] ?? 'null') as JsonValue, path, isWord)) {
      const key = JSON.stringify(id);
      const group = groups.get(key) ?? (groups.size < groupsMax ? { id, hits: [] } : undefined);
      if (group === undefined) continue;
      groups.set(key, group);
      if (group.hits.length < groupSize) group.hits.push(hit);
    }
  });
  const points = scoredPoints(found, asked);
  const reply: Outcome<{ id: JsonValue; hits: typeof points }[]> = ok(
    [...groups.values()].map(({ id, hits }) => ({ id, hits: hits.flatMap((hit) => points[hit] ?? []) })),
  );
  return reply;
}
