import * as z from 'zod';

import { about, apiText } from './api-text.ts';
import type { Endpoint } from './endpoint.ts';
import { json, tenant } from './endpoint.ts';
import { filter } from './filter-syntax.ts';
import { indexParams } from './indexes.ts';
import { LIMITS } from './limits.ts';
import { namespace, vectorId } from './vector-fields.ts';
import { lsn, storedVector } from './vectors.ts';

const listBody = z.strictObject({
  namespace,
  filter: filter.optional(),
  after: vectorId.optional().meta(about('The last id of the page before, whether or not that vector is still there.')),
  limit: z.int().min(1).max(LIMITS.listMaxCount).default(LIMITS.pageDefaultCount),
  include_values: z.boolean().default(false),
  include_metadata: z.boolean().default(true),
  include_text: z.boolean().default(false),
});

const countBody = z.strictObject({ namespace, filter: filter.optional() });

export const vectorListingEndpoints = {
  listVectors: {
    method: 'POST',
    path: '/v1/indexes/:index/list',
    tag: 'Vectors',
    summary: apiText('List vectors by id'),
    description: apiText(
      'In the order of their ids: whole numbers without leading zeros by value, then the others by code points. Vectors that are written or ' +
        'deleted between two pages are there or not as of the page they belong to; no other is missing or comes twice.',
    ),
    access: tenant('index:read'),
    meters: [],
    params: indexParams,
    body: json(listBody),
    status: 200,
    reply: json(z.object({ vectors: z.array(storedVector), has_more: z.boolean(), lsn })),
  },
  countVectors: {
    method: 'POST',
    path: '/v1/indexes/:index/count',
    tag: 'Vectors',
    summary: apiText('Count the vectors of a namespace, or those that a filter accepts'),
    access: tenant('index:read'),
    meters: [],
    params: indexParams,
    body: json(countBody),
    status: 200,
    reply: json(z.object({ count: z.int().min(0), lsn })),
  },
} as const satisfies Record<string, Endpoint>;
