import { ageOf } from '../../../src/gateway/cache-report.ts';
import type { CacheReport } from '../../../src/gateway/cache-report.ts';
import { cacheStatus } from '../../../src/gateway/cache-status.ts';

/** What the cache did, and how old its part of the answer is. */
export function cacheHeaders(report: CacheReport): Record<string, string> {
  const ageMs = ageOf(report);
  return { 'cache-status': cacheStatus(report), ...(ageMs === undefined ? {} : { age: String(Math.floor(ageMs / 1000)) }) };
}
