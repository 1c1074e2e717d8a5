import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { AttemptRecord } from '../dispatch.ts';
import type { AttemptResult } from './attempt.ts';

const BUSY_RETRY_MS = 1_000;

/** `stopped`: by the caller or the deadline. `busy`: it waited for as long as it may. `paused`: a pause is too long to wait for. */
export type GivenUp = 'stopped' | 'busy' | 'paused' | 'given_up';

/** Why no target served, by what came last. `retryAfterMs`: when a target may serve again, where that is known. */
export function dispatchRefusal(
  why: GivenUp,
  attempts: readonly AttemptRecord[],
  last: Extract<AttemptResult, { kind: 'failed' }> | undefined,
  retryAfterMs: number | undefined,
): Refusal {
  const tried = attempts.map(({ upstream, model, status, fault }) => `${upstream}/${model}: ${status ?? fault ?? 'no answer'}`).join(', ');
  const after = tried === '' ? '' : ` (${tried})`;
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (why === 'stopped') return refusal('upstream_failed', `the caller has gone away${after}`);
  if (why === 'busy') {
    const message = `all upstreams of the model have as many calls as they may have, and no place became free in time${after}`;
    return { ...refusal('upstream_busy', message), retryAfterMs: retryAfterMs ?? BUSY_RETRY_MS };
  }
  if (last === undefined && why === 'paused')
    return { ...refusal('upstream_busy', 'the upstreams of the model have what they take in a minute, or asked for a pause'), ...retry };
  if (last === undefined)
    return { ...refusal('upstream_unavailable', 'all upstreams of the model are taken to be down; try again later'), ...retry };
  if (last.status === 429 || last.status === 529)
    return {
      ...refusal('upstream_busy', `the upstreams of the model ask for a pause${after}`),
      retryAfterMs: retryAfterMs ?? BUSY_RETRY_MS,
    };
  const isUnreached = attempts.every(({ fault }) => fault === 'refused' || fault === 'connect_timeout');
  if (isUnreached) return { ...refusal('upstream_unavailable', `no upstream of the model could be reached${after}`), ...retry };
  const remedy = MISCONFIGURED.has(last.status) ? `: check the \`secret\`, \`base_url\` and models of ${attempts.at(-1)?.upstream}` : '';
  return { ...refusal('upstream_failed', `no upstream of the model gave an answer${after}${remedy}`), ...retry };
}

/** Statuses by which an upstream refuses its key, or says that nothing is there. */
const MISCONFIGURED: ReadonlySet<number | undefined> = new Set([401, 403, 404]);
