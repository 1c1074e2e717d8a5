import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { indexName, page, pageQuery } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenant } from '../api/endpoint.ts';
import { indexParams } from './index-params.ts';
import { INDEX_LIMITS } from './index-limits.ts';

const aliasName = indexName.meta(about('Stands for an index in every path but those that create or delete one.', 'live'));

const alias = named('Alias', { object: z.literal('alias'), alias: aliasName, index: indexName });

const aliasParams = z.object({ index: indexName, alias: aliasName });

const action = z.union([
  z.strictObject({ set: z.strictObject({ alias: aliasName, index: indexName }) }),
  z.strictObject({ remove: z.strictObject({ alias: aliasName }) }),
  z.strictObject({ rename: z.strictObject({ alias: aliasName, to: aliasName }) }),
]);

export type AliasActionBody = z.output<typeof action>;

const actionsBody = z.strictObject({ actions: z.array(action).min(1).max(INDEX_LIMITS.aliasActionsMaxCount) });

const SETTLED =
  'Answered after about a second, when no gateway can remember what was before: every call that begins later goes where the answer says. ' +
  'Until then calls go to the one or the other index.';

const common = { tag: 'Aliases', access: tenant('index:write'), meters: [], status: 200 } as const;

export const aliasEndpoints = {
  changeAliases: {
    ...common,
    ...call('POST', '/v1/aliases', json(actionsBody)),
    summary: 'Change aliases, all or none',
    description: `In order, as one change. ${SETTLED}`,
    reply: json(z.object({ object: z.literal('aliases.changed'), actions: z.int().min(1) })),
  },
  listAliases: {
    ...common,
    ...call('GET', '/v1/aliases'),
    summary: 'List all aliases by name',
    description: 'To get the next page, pass the last `alias` as `after`.',
    access: tenant('index:read'),
    query: pageQuery,
    reply: json(page(alias)),
  },
  listIndexAliases: {
    ...common,
    ...call('GET', '/v1/indexes/:index/aliases'),
    summary: 'List the aliases of an index',
    access: tenant('index:read'),
    params: indexParams,
    query: pageQuery,
    reply: json(page(alias)),
  },
  setAlias: {
    ...common,
    ...call('PUT', '/v1/indexes/:index/aliases/:alias'),
    summary: 'Make an alias stand for an index',
    description: `Whatever it stood for before. ${SETTLED}`,
    params: aliasParams,
    reply: json(alias),
  },
  removeAlias: {
    ...common,
    ...call('DELETE', '/v1/indexes/:index/aliases/:alias'),
    summary: 'Take an alias from an index',
    description: SETTLED,
    params: aliasParams,
    reply: json(z.object({ object: z.literal('alias.deleted'), alias: aliasName, deleted: z.literal(true) })),
  },
} as const satisfies Record<string, Endpoint>;
