import { DEADLINE_HEADER } from '../../../../src/contract/api/reading.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { planReplyOf } from './plan-replies.ts';
import { indexed, tokenMeters } from './vector-replies.ts';

export const planHandlers = {
  searchIndex: async (call) => {
    const { [DEADLINE_HEADER]: budgetMs } = call.options;
    const search = call.gateway.retrieval.plans.search(call, call.params.index, call.body, budgetMs);
    const answered = await call.timing.of('search', search);
    if (!answered.ok) return answered;
    return {
      ok: true,
      reply: planReplyOf(answered.value, call.body, call.vectors),
      used: { vector_queries: answered.value.searches, ...tokenMeters(answered.value) },
      ...indexed(answered.value, {}, 'queries'),
    };
  },
} satisfies Partial<Handlers>;
