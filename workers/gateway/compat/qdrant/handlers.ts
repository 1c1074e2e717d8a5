import { QDRANT_VERSION } from '../../../../src/contract/qdrant/endpoints.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { qdrantBatchHandlers } from './batch.ts';
import { qdrantAliasHandlers, qdrantCollectionHandlers } from './collections.ts';
import { qdrantFacetHandlers } from './facet.ts';
import { qdrantPayloadHandlers } from './payload.ts';
import { qdrantPointHandlers } from './points.ts';
import { qdrantSearchHandlers } from './search.ts';
import { replied } from '../../routes/wire.ts';

export const qdrantServiceHandlers = {
  qdrantVersion: async () => ({
    ok: true,
    reply: { title: 'sluice - vectors by the API of qdrant', version: QDRANT_VERSION },
    used: {},
  }),
  qdrantHealth: async () => ({ ok: true, reply: 'healthz check passed', used: {} }),
  qdrantLiveness: async () => ({ ok: true, reply: 'healthz check passed', used: {} }),
  qdrantReadiness: ({ gateway }) => replied(gateway.readiness.check(), () => 'all shards are ready'),
} satisfies Partial<Handlers>;

/** Qdrant's API over the same use cases. Aliases come before the collection that could be named so. */
export const qdrantHandlers = {
  ...qdrantServiceHandlers,
  ...qdrantAliasHandlers,
  ...qdrantCollectionHandlers,
  ...qdrantPointHandlers,
  ...qdrantPayloadHandlers,
  ...qdrantBatchHandlers,
  ...qdrantSearchHandlers,
  ...qdrantFacetHandlers,
};
