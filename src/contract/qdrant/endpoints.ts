import * as z from 'zod';

import type { Endpoint } from '../api/endpoint.ts';
import { json, NO_BODY, PUBLIC } from '../api/endpoint.ts';
import { qdrantBatchEndpoints } from './batch.ts';
import { qdrantAliasEndpoints, qdrantCollectionEndpoints } from './collections.ts';
import { QDRANT_TAG } from './envelope.ts';
import { qdrantFacetEndpoints } from './facet.ts';
import { qdrantPayloadEndpoints } from './payload.ts';
import { qdrantPointEndpoints } from './points.ts';
import { qdrantSearchEndpoints } from './search.ts';

/** The version of Qdrant whose API this is: clients warn when theirs is another. */
export const QDRANT_VERSION = '1.18.0';

const service = { method: 'GET', tag: QDRANT_TAG, access: PUBLIC, meters: [], body: NO_BODY, status: 200 } as const;
const check = { ...service, reply: { kind: 'bytes', contentType: 'text/plain; charset=utf-8' } } as const;

export const qdrantServiceEndpoints = {
  qdrantVersion: {
    ...service,
    path: '/qdrant',
    summary: 'Which API this is',
    reply: json(z.object({ title: z.string(), version: z.string() })),
  },
  qdrantHealth: { ...check, path: '/qdrant/healthz', summary: 'Whether the gateway is there' },
  qdrantLiveness: { ...check, path: '/qdrant/livez', summary: 'Whether the gateway is there' },
  qdrantReadiness: { ...check, path: '/qdrant/readyz', summary: 'Whether the gateway can serve' },
} as const satisfies Record<string, Endpoint>;

/** Qdrant's API over the same indexes. */
export const qdrantEndpoints = {
  ...qdrantServiceEndpoints,
  ...qdrantAliasEndpoints,
  ...qdrantCollectionEndpoints,
  ...qdrantPointEndpoints,
  ...qdrantPayloadEndpoints,
  ...qdrantBatchEndpoints,
  ...qdrantSearchEndpoints,
  ...qdrantFacetEndpoints,
} as const satisfies Record<string, Endpoint>;
