import type { Handlers } from '../../serve.ts';
import { enveloped } from './answer.ts';
import { facetPoints } from './facet-points.ts';

export const qdrantFacetHandlers = {
  qdrantFacet: async (call) => {
    const { indexes } = call.gateway.retrieval;
    const hits = await indexes.onOne(call.principal, call.params.collection, (pin) => facetPoints(call, pin, call.body));
    return hits.ok ? { ok: true, reply: enveloped(call, { hits: hits.value }), used: {} } : hits;
  },
} satisfies Partial<Handlers>;
