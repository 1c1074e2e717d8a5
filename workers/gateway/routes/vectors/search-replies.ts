import { parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import { TTL_HEADER } from '../../../../src/contract/api/cache-headers.ts';
import type { HeadersOf } from '../../../../src/contract/api/endpoint.ts';
import type { vectorEndpoints } from '../../../../src/contract/vectors/vectors.ts';
import type { AnswerTerms } from '../../../../src/gateway/caches/answer-cache.ts';
import { cacheHeaders } from '../../../../src/gateway/caches/cache-report.ts';
import type { QueryAnswers } from '../../../../src/gateway/vectors/query-cache.ts';
import { indexed, tokenMeters } from './vector-replies.ts';

/** What a search asks of the cache, if it wants one. */
export function termsOf(options: HeadersOf<typeof vectorEndpoints.queryVectors>): AnswerTerms | undefined {
  const { [TTL_HEADER]: ttlMs, 'cache-control': cacheControl, 'cache-tag': tags } = options;
  return ttlMs === undefined ? undefined : { ttlMs, directives: parseCacheControl(cacheControl), tags };
}

/** What searches count as: those that were made, and those that the cache answered. `countOf`: how many one counts as. */
export function searchMeters<Found>({ answers, report }: QueryAnswers<Found>, countOf: (found: Found) => number) {
  let [computed, cached] = [0, 0];
  for (const [i, { found }] of answers.entries()) {
    if (report === undefined || report.sources[i] === 'computed') computed += countOf(found);
    else cached += countOf(found);
  }
  return { vector_queries: computed, vector_cached_queries: cached };
}

/** What is billed of searches, and which state of the index answered. */
export function searchedWith<Found extends { readonly lsn: number }>(answered: QueryAnswers<Found>, countOf: (found: Found) => number) {
  const { answers, report } = answered;
  // Every write of any shard raises the index's LSN: the highest is that of the newest answer.
  const newest = answers.map(({ found: { lsn }, manifest }) => ({ lsn, manifest })).reduce((a, b) => (b.lsn > a.lsn ? b : a));
  return {
    used: { ...searchMeters(answered, countOf), ...tokenMeters(answered) },
    ...indexed(newest, report === undefined ? {} : cacheHeaders(report), 'queries'),
  };
}
