import type { Route } from '../../serve.ts';
import { qdrantAliasRoutes } from './aliases.ts';
import { qdrantBatchRoutes } from './batch.ts';
import { qdrantCollectionRoutes } from './collections.ts';
import { qdrantFacetRoutes } from './facet.ts';
import { qdrantPayloadRoutes } from './payload.ts';
import { qdrantPointRoutes } from './points.ts';
import { qdrantSearchRoutes } from './search.ts';
import { qdrantServiceRoutes } from './service.ts';

/** Qdrant's API over the same use cases. Aliases come before the collection that could be named so. */
export const qdrantRoutes: readonly Route[] = [
  ...qdrantServiceRoutes,
  ...qdrantAliasRoutes,
  ...qdrantCollectionRoutes,
  ...qdrantPointRoutes,
  ...qdrantPayloadRoutes,
  ...qdrantBatchRoutes,
  ...qdrantSearchRoutes,
  ...qdrantFacetRoutes,
];
