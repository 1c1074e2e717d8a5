import * as z from 'zod';

import { about, apiText } from './api-text.ts';
import { AGE_BOUNDS_S } from './cache-tally.ts';
import { unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, tenantOrAdmin } from './endpoint.ts';
import { subjectTenant } from './organisations.ts';
import { tenantId } from './tenancy-ids.ts';

const count = z.int().min(0);

const seconds = z.coerce.number().int().min(0).optional();

const query = z.strictObject({
  tenant: subjectTenant,
  from: seconds.meta(about('Seconds since the epoch; the hour it lies in is included. A day ago if absent.')),
  to: seconds.meta(about('Seconds since the epoch; the hour it ends in is included. Now if absent.')),
});

const line = z
  .object({
    cache: z.enum(['embeddings', 'queries']),
    model: z.string().nullable().meta(about('Null for search results.')),
    hit_ratio: z.number().min(0).max(1).nullable().meta(about('The share answered without computing; null without requests.')),
    hits: z
      .object({
        memory: count.meta(about('Answered by the memory of an isolate (`sluice-l1`).')),
        shared: count.meta(about('Answered by what isolates share (`sluice-l2`).')),
        collapsed: count.meta(about('Answered by a computation that another request had begun.')),
        duplicate: count.meta(about('The same input again, within its request.')),
      })
      .meta(about('Inputs, or queries.')),
    computed: count,
    evictions: count.meta(about('Entries that left the memory of isolates for want of room.')),
    age_seconds: z
      .array(z.object({ le: z.number().nullable(), count }))
      .meta(about(`Hits by age, counted up to ${AGE_BOUNDS_S.join(', ')} seconds and, last, in all (\`le\` null).`)),
    held: z
      .object({ isolates: count, entries: count, bytes: count })
      .meta(about('What the isolates hold that have reported within five minutes.')),
  })
  .meta({ id: 'CacheStatsLine' });

export const cacheStatsEndpoints = {
  cacheStats: {
    method: 'GET',
    path: '/v1/cache/stats',
    tag: 'Cache',
    summary: apiText('What the caches of a tenant save'),
    description: apiText('In whole hours, for each model and for search results. Isolates report within a second or so, with the usage.'),
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query,
    body: NO_BODY,
    status: 200,
    reply: json(
      z
        .object({ object: z.literal('cache.stats'), tenant: tenantId, from: unixSeconds, to: unixSeconds, data: z.array(line) })
        .meta({ id: 'CacheStats' }),
    ),
  },
} as const satisfies Record<string, Endpoint>;
