import * as z from 'zod';

import { onlyWith, someOf } from '../api/presence.ts';
import { about, named } from '../api/api-text.ts';
import { cacheTag } from '../api/cache-headers.ts';
import { AGE_BOUNDS_S } from './cache-tally.ts';
import { tenantId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { EMBEDDING_LIMITS } from '../embeddings/embedding-limits.ts';
import { CACHE_LIMITS } from './cache-limits.ts';
import { subjectTenant } from '../tenancy/organisations.ts';
import { modelName } from '../embeddings/embedding-fields.ts';
import { wholeText } from '../api/text-number.ts';

const selection = <S extends z.core.$ZodType>(item: S, countMax: number) => z.array(item).min(1).max(countMax).optional();

const SELECTORS = ['keys', 'text', 'tags', 'prefix', 'model', 'model_version', 'older_than_ms', 'everything'] as const;

const selecting = someOf(
  z.strictObject({
    keys: selection(
      z.string().regex(/^(ids:)?[0-9a-f]{64}$/, 'must be 64 lower-case hex digits, after `ids:` for token ids'),
      CACHE_LIMITS.purgeKeysMaxCount,
    ).meta(
      about(
        "SHA-256 of texts' UTF-8, for callers that will not send the texts again; `ids:` and that of token ids as little-endian int32.",
      ),
    ),
    text: selection(z.string().min(1).max(EMBEDDING_LIMITS.embeddingTextCharsMax), CACHE_LIMITS.purgeKeysMaxCount).meta(
      about('Texts, as they were sent to be embedded.'),
    ),
    tags: selection(cacheTag, CACHE_LIMITS.purgeTagsMaxCount).meta(about('Entries that carry any of these, see `cache-tag`.')),
    prefix: cacheTag.optional().meta(about('Entries with a tag that begins so, such as `docs/` for `docs/42`.')),
    model: modelName
      .optional()
      .meta(about('Entries that this model answered, by any name that calls have for it; a route: those that were asked for by it.')),
    model_version: z.string().min(1).max(API_LIMITS.nameCharsMax).optional().meta(about('Only those of this version of `model`.')),
    older_than_ms: z
      .int()
      .min(CACHE_LIMITS.purgeAgeMinMs)
      .optional()
      .meta(
        about(
          'Entries that began to be computed longer ago. One that is up to a second younger may go with them, none that is older stays.',
        ),
      ),
    everything: z.literal(true).optional().meta(about('All that is cached for the tenant.')),
    tenant: subjectTenant,
    mode: z
      .enum(['hard', 'soft'])
      .default('hard')
      .meta(about('`soft` leaves the entries, as stale ones, to requests that accept them with `cache-control: max-stale`.')),
    consistency: z
      .enum(['next-read', 'fast'])
      .default('next-read')
      .meta(
        about(
          '`next-read` answers once the purge holds: every request accepted later misses. `fast` answers once the purge is recorded; it holds from `effective_at`, at most `bound_ms` later.',
        ),
      ),
    dry_run: z.boolean().default(false).meta(about('Only count what the purge would find.')),
  }),
  SELECTORS,
  `say what to purge: at least one of ${SELECTORS.join(', ')}`,
);
const purgeBody = onlyWith(selecting, 'model_version', 'model', {
  path: ['model_version'],
  message: 'names a version of `model`: give both',
});

export type PurgeBody = z.output<typeof purgeBody>;

const purge = named('Purge', {
  object: z.literal('cache.purge'),
  purge_id: z.string(),
  position: z.int().min(1).meta(about("Number of this purge in the log of the tenant's cache.")),
  status: z.enum(['pending', 'effective']),
  effective_at: z.iso.datetime().meta(about('No request that is accepted later is answered with what the purge took.')),
  mode: z.enum(['hard', 'soft']),
  consistency: z.enum(['next-read', 'fast']),
  bound_ms: z.int().min(0).meta(about('The longest that a purge can take from being recorded to being effective.')),
  erased: z
    .boolean()
    .meta(
      about('Whether what it took has also left the storage of the second level. Not needed to be effective; a soft purge erases nothing.'),
    ),
});

const estimate = z
  .object({
    object: z.literal('cache.purge_estimate'),
    dry_run: z.literal(true),
    entries: z.int().min(0),
    bytes: z.int().min(0).meta(about('Of the vectors.')),
  })
  .meta({
    id: 'PurgeEstimate',
    description: 'What the second level holds of it. Isolates have copies in memory, and those of static models are nowhere else.',
  });

export const purgeId = z
  .string()
  .regex(/^pg_[0-9a-z]{26}$/, 'must be a purge id such as pg_...')
  .meta(about('A purge.', 'pg_0123456789abcdefghjkmnpqrs'));

export const cacheEndpoints = {
  purgeCache: {
    ...call('POST', '/v1/cache/purge', json(purgeBody)),
    tag: 'Cache',
    summary: 'Purge cached embeddings',
    description:
      'Purges what matches all selectors given. Answers once the purge holds: every request accepted afterwards misses, in every isolate. Computations that began before it do not bring its entries back. While the log of purges is away, purges are `unavailable` (repeat them with the same `idempotency-key`) and embeddings are computed: nothing that may have been purged is served.',
    access: tenantOrAdmin('cache:purge'),
    meters: [],
    status: 200,
    reply: json(z.union([purge, estimate])),
    idempotent: true,
  },
  getPurge: {
    ...call('GET', '/v1/cache/purges/:purge'),
    tag: 'Cache',
    summary: 'Look up a purge',
    access: tenantOrAdmin('cache:purge'),
    meters: [],
    params: z.object({ purge: purgeId }),
    query: z.strictObject({ tenant: subjectTenant }),
    status: 200,
    reply: json(purge),
  },
} as const satisfies Record<string, Endpoint>;

const count = z.int().min(0);

const seconds = wholeText(0).optional();

const query = z.strictObject({
  tenant: subjectTenant,
  from: seconds.meta(about('Seconds since the epoch; the hour it lies in is included. A day ago if absent.')),
  to: seconds.meta(about('Seconds since the epoch; the hour it ends in is included. Now if absent.')),
});

const line = named('CacheStatsLine', {
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
});

export const cacheStatsEndpoints = {
  cacheStats: {
    ...call('GET', '/v1/cache/stats'),
    tag: 'Cache',
    summary: 'What the caches of a tenant save',
    description: 'In whole hours, for each model and for search results. Isolates report within a second or so, with the usage.',
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query,
    status: 200,
    reply: json(
      named('CacheStats', {
        object: z.literal('cache.stats'),
        tenant: tenantId,
        from: unixSeconds,
        to: unixSeconds,
        data: z.array(line),
      }),
    ),
  },
} as const satisfies Record<string, Endpoint>;
