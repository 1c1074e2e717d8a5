import * as z from 'zod';

import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG } from './envelope.ts';
import { qdrantFilter } from './filter.ts';
import { jsonPath } from './json-path.ts';
import { noShardKey } from './selectors.ts';

const facetBody = z.object({
  key: jsonPath,
  limit: z.int().min(1).max(VECTOR_LIMITS.facetHitsMaxCount).nullish(),
  filter: qdrantFilter,
  exact: z.boolean().nullish(),
  shard_key: noShardKey,
});

export type AskedFacet = z.output<typeof facetBody>;

const hit = z.object({
  value: z.unknown().meta({ anyOf: [{ type: 'string' }, { type: 'integer' }, { type: 'boolean' }] }),
  count: z.int().min(1),
});

export const qdrantFacetEndpoints = {
  qdrantFacet: {
    ...call('POST', '/qdrant/collections/:collection/facet', { ...json(facetBody), exactIntegers: true }),
    tag: QDRANT_TAG,
    summary: 'Count the points of each value',
    description: `Strings, whole numbers and booleans at the key, the most frequent first; exactly, whether or not that is asked for. At most \`facetPointsMaxCount\` (${VECTOR_LIMITS.facetPointsMaxCount}) points with the key may match.`,
    access: tenant('index:read'),
    meters: [],
    params: collectionParams,
    query: callQuery,
    status: 200,
    reply: enveloped(z.object({ hits: z.array(hit) })),
  },
} as const satisfies Record<string, Endpoint>;
