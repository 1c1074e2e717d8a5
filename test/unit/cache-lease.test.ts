import { expect, it } from 'vitest';

import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { leased, onlyIfCached, underLease } from '../support/deployment/cache-lease.ts';

const answer = (cacheStatus: string | undefined, status = 200): ApiAnswer => ({
  status,
  headers: new Headers(cacheStatus === undefined ? {} : { 'cache-status': cacheStatus }),
  body: undefined,
});
const [HIT, MISS, BYPASS] = ['sluice-l1; hit; ttl=9', 'sluice-l1; fwd=miss', 'sluice-l1; fwd=bypass'].map((text) => answer(text));
const REFUSED = answer(undefined, 504);

it('repeats a trial whose answers bypassed the caches, under another number, and no other', async () => {
  const trials: number[] = [];
  const outcome = await leased(async (attempt) => {
    trials.push(attempt);
    return underLease(attempt < 3 ? BYPASS! : HIT!);
  });
  expect([outcome, trials]).toEqual([HIT, [1, 2, 3]]);
  await expect(leased(() => Promise.reject(new Error('a fault')))).rejects.toThrow('a fault');
  await expect(leased(async () => underLease(BYPASS!))).rejects.toThrow('bypassed');
});

it('takes a refusal of what is cached alone for a miss only if a request that may compute misses, too', async () => {
  const asked = (probe: ApiAnswer) => onlyIfCached(async (directive) => (directive === 'only-if-cached' ? REFUSED : probe));
  expect(await asked(MISS!)).toBe(REFUSED);
  await expect(asked(BYPASS!)).rejects.toThrow('bypassed');
  await expect(asked(HIT!)).rejects.toThrow('what is cached was refused');
  expect(await onlyIfCached(async () => HIT!)).toBe(HIT);
});
