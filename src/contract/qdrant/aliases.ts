import * as z from 'zod';

import { apiText } from '../api-text.ts';
import { indexName } from '../common.ts';
import type { Endpoint } from '../endpoint.ts';
import { json, NO_BODY, tenant } from '../endpoint.ts';
import { LIMITS } from '../limits.ts';
import { callQuery, collectionParams, enveloped, QDRANT_TAG } from './envelope.ts';

const action = z.union([
  z.strictObject({ create_alias: z.strictObject({ collection_name: indexName, alias_name: indexName }) }),
  z.strictObject({ delete_alias: z.strictObject({ alias_name: indexName }) }),
  z.strictObject({ rename_alias: z.strictObject({ old_alias_name: indexName, new_alias_name: indexName }) }),
]);

export type QdrantAliasAction = z.output<typeof action>;

const aliases = enveloped(z.object({ aliases: z.array(z.object({ alias_name: indexName, collection_name: indexName })) }));

const read = { tag: QDRANT_TAG, access: tenant('index:read'), meters: [], query: callQuery, body: NO_BODY, status: 200 } as const;

export const qdrantAliasEndpoints = {
  qdrantChangeAliases: {
    method: 'POST',
    path: '/qdrant/collections/aliases',
    tag: QDRANT_TAG,
    summary: apiText('Change aliases, all or none'),
    description: apiText('Answered once every gateway sees the change, after about a second.'),
    access: tenant('index:write'),
    meters: [],
    query: callQuery,
    body: json(z.object({ actions: z.array(action).min(1).max(LIMITS.aliasActionsMaxCount) })),
    status: 200,
    reply: enveloped(z.literal(true)),
  },
  qdrantAliases: { ...read, method: 'GET', path: '/qdrant/aliases', summary: apiText('List all aliases'), reply: aliases },
  qdrantCollectionAliases: {
    ...read,
    method: 'GET',
    path: '/qdrant/collections/:collection/aliases',
    summary: apiText('List the aliases of a collection'),
    params: collectionParams,
    reply: aliases,
  },
} as const satisfies Record<string, Endpoint>;
