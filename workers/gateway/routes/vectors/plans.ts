import { DEADLINE_HEADER } from '../../../../src/contract/api/reading.ts';
import type { FoundPlan } from '../../../../src/gateway/vectors/plans/plans.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { planReplyOf } from './plan-replies.ts';
import { searchedWith, searchMeters, termsOf } from './search-replies.ts';

/** What a plan counts as is known once the index has read it: what is searched for is reserved then, and here what a cache answered. */
const searchesOf = ({ searches }: FoundPlan): number => searches;

export const planHandlers = {
  searchIndex: async (call) => {
    const { gateway, params, body, options } = call;
    const search = gateway.retrieval.planQueries.query(call, params.index, body, termsOf(options), options[DEADLINE_HEADER]);
    const answered = await call.timing.of('search', search);
    if (!answered.ok) return answered;
    const reserved = await call.reserve({ vector_cached_queries: searchMeters(answered.value, searchesOf).vector_cached_queries });
    if (!reserved.ok) return reserved;
    const found = must(answered.value.answers[0], 'each search has an answer');
    return { ok: true, reply: planReplyOf(found, body, call.vectors), ...searchedWith(answered.value, searchesOf) };
  },

  searchIndexBatch: async (call) => {
    const { gateway, params, body, options } = call;
    const asked = body.searches.map((search, i) => ({ body: search, at: ['searches', i] }));
    const search = gateway.retrieval.planQueries.search(call, params.index, asked, termsOf(options), options[DEADLINE_HEADER]);
    const answered = await call.timing.of('search', search);
    if (!answered.ok) return answered;
    const reserved = await call.reserve({ vector_cached_queries: searchMeters(answered.value, searchesOf).vector_cached_queries });
    if (!reserved.ok) return reserved;
    const results = answered.value.answers.map((one, i) =>
      planReplyOf(one, must(body.searches[i], 'each answer is of a search'), call.vectors),
    );
    return { ok: true, reply: { results }, ...searchedWith(answered.value, searchesOf) };
  },
} satisfies Partial<Handlers>;
