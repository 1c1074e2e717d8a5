import type { ApiAnswer } from './api-client.ts';

/** An isolate got no lease on the purge log within `purgeLeaseWaitMaxMs`, as happens on a busy machine, and left its caches alone. */
class NoLease extends Error {}

/** More than a busy machine takes: with so many in vain there is no lease at all. */
const TRIES = 30;

/** The answer, for which the isolate might use its caches. To be asked for within `leased`. */
export function underLease(answer: ApiAnswer): ApiAnswer {
  if (answer.headers.get('cache-status')?.includes('fwd=bypass') === true) throw new NoLease('an answer bypassed the caches');
  return answer;
}

/**
 * The answer to a request for what is cached alone. One without a lease is refused as one for what is not cached, so after a refusal another
 * request, which stores nothing, shows which it was.
 */
export async function onlyIfCached(ask: (directive: string) => Promise<ApiAnswer>): Promise<ApiAnswer> {
  const answer = await ask('only-if-cached');
  if (answer.status !== 504) return answer;
  const probe = underLease(await ask('no-store'));
  if (probe.headers.get('cache-status')?.includes('; hit') === true) throw new NoLease('what is cached was refused');
  return answer;
}

/** The outcome of a trial with a lease for each answer. One without is repeated: its number names what it stores, or it creates a tenant. */
export async function leased<T>(trial: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await trial(attempt);
    } catch (error) {
      if (!(error instanceof NoLease) || attempt === TRIES) throw error;
    }
  }
}
