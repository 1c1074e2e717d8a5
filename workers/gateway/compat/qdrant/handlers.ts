import { qdrantAliasHandlers } from './aliases.ts';
import { qdrantBatchHandlers } from './batch.ts';
import { qdrantCollectionHandlers } from './collections.ts';
import { qdrantFacetHandlers } from './facet.ts';
import { qdrantPayloadHandlers } from './payload.ts';
import { qdrantPointHandlers } from './points.ts';
import { qdrantSearchHandlers } from './search.ts';
import { qdrantServiceHandlers } from './service.ts';

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
