import * as z from 'zod';

import { about } from './api-text.ts';
import { cacheControl, cacheTags, TTL_HEADER, ttlMs } from './cache-headers.ts';
import { LIMITS } from './limits.ts';

/** What a call of an upstream's model may say about the cache of answers. */
export const completionCacheHeaders = z.object({
  'cache-control': cacheControl.meta(
    about(
      'With a TTL: `no-cache` asks the upstream again, `no-store` keeps nothing, `max-age` and `min-fresh` (seconds) narrow what may answer, `only-if-cached` asks no upstream.',
    ),
  ),
  [TTL_HEADER]: ttlMs(LIMITS.completionCacheTtlMaxMs).meta(
    about('Asks for the cache: answers the same request from before, at no cost in tokens, and keeps the answer for so many milliseconds.'),
  ),
  'cache-tag': cacheTags.meta(about('Up to 16 tags, separated by commas, to purge by. Only entries that carry all of them answer.')),
});
