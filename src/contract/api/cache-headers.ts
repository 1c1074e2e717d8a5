import * as z from 'zod';

import { about } from './api-text.ts';
import { API_LIMITS } from './api-limits.ts';
import { wholeText } from './text-number.ts';

/** Names a group of cached entries, so that they can be purged together. */
export const cacheTag = z
  .string()
  .regex(/^[\x21-\x2b\x2d-\x7e]+$/, 'must be visible ASCII characters, and no comma')
  .max(API_LIMITS.cacheTagCharsMax);

const TAG = `[\\x21-\\x2b\\x2d-\\x7e]{1,${API_LIMITS.cacheTagCharsMax}}`;

export const TTL_HEADER = 'x-sluice-cache-ttl-ms';

export const ttlMs = (msMax: number) => wholeText(API_LIMITS.cacheTtlMinMs, msMax, 'must be a number of milliseconds').optional();

export const cacheTags = z
  .string()
  .transform((text) => [...new Set(text.split(',').map((tag) => tag.trim()))])
  .pipe(z.array(cacheTag).max(API_LIMITS.cacheTagsMaxCount))
  .default([])
  .meta({ override: { pattern: `^${TAG}( *, *${TAG}){0,${API_LIMITS.cacheTagsMaxCount - 1}}$` } });

export const cacheControl = z.string().optional();

/** What a request may say about the cache of embeddings. */
export const embeddingCacheHeaders = z.object({
  'cache-control': cacheControl.meta(
    about(
      '`no-cache` computes again, `no-store` keeps nothing, `max-age` and `min-fresh` (seconds) narrow what may answer, `max-stale` widens it, `only-if-cached` computes nothing: 504 `not_cached` unless all is cached.',
    ),
  ),
  [TTL_HEADER]: ttlMs(API_LIMITS.cacheTtlMaxMs).meta(
    about('How long what this call computes may answer, in milliseconds. Absent: until it is evicted.'),
  ),
  'cache-tag': cacheTags.meta(
    about('Up to 16 tags, separated by commas, to purge by. Only entries that carry all of them answer.', 'release-7,docs'),
  ),
});

/** What a query may say about the cache of search results. */
export const queryCacheHeaders = z.object({
  'cache-control': cacheControl.meta(
    about(
      'With a TTL: `no-cache` searches again, `no-store` keeps nothing, `max-age` and `min-fresh` (seconds) narrow what may answer, `only-if-cached` searches nothing.',
    ),
  ),
  [TTL_HEADER]: ttlMs(API_LIMITS.queryCacheTtlMaxMs).meta(
    about(
      'Asks for the cache: answers the same query of the same state of the index from before, and keeps the answer for so many milliseconds. Any write to the index makes it miss.',
    ),
  ),
  'cache-tag': cacheTags.meta(about('Up to 16 tags, separated by commas, to purge by. Only entries that carry all of them answer.')),
});
