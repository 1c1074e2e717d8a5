import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { AskedGroups, AskedPoints } from '../../../../src/contract/qdrant/search.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { Timing } from '../../pipeline/exchange.ts';
import type { SearchingCall } from './call.ts';
import { enveloped } from './call.ts';
import type { PointSearch } from './find-points.ts';
import { findPoints, scoredPoints } from './find-points.ts';
import { groupPoints } from './group-points.ts';

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
