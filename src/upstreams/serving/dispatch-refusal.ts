import type { Refusal } from '../../contract/api/errors.ts';
import { isRetryable, refusal } from '../../contract/api/errors.ts';
import type { UpstreamAnswer } from '../../contract/api/upstream-answer.ts';
import type { AttemptRecord } from '../dispatch.ts';
import type { StatusMeaning } from '../upstream-status.ts';
import { meaningOf } from '../upstream-status.ts';

const BUSY_RETRY_MS = 1_000;

/** `stopped`: by the caller or the deadline. `busy`: it waited for as long as it may. `paused`: a pause is too long to wait for. */
export type GivenUp = 'stopped' | 'busy' | 'paused' | 'given_up';

interface Dispatching {
  readonly why: GivenUp;
  readonly attempts: readonly AttemptRecord[];
  /** What the attempts that were answered would have the call refused with, in their order. */
  readonly refusals: readonly Refusal[];
  /** What a target has answered to other calls by which it is paused. */
  readonly pausedBy: UpstreamAnswer | undefined;
  /** When a target may serve again, where that is known. */
  readonly retryAfterMs: number | undefined;
}

/** Why no target served: what an upstream has said of this call, else what asked for the pause that it meets, else what came last. [U204] [U208] */
export function dispatchRefusal({ why, attempts, refusals, pausedBy, retryAfterMs }: Dispatching): Refusal {
  const tried = attempts.map(({ upstream, model, status, fault }) => `${upstream}/${model}: ${status ?? fault ?? 'no answer'}`).join(', ');
  const after = tried === '' ? '' : ` (${tried})`;
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (why === 'stopped') return refusal('upstream_failed', `the caller has gone away${after}`);
  const told = mostTelling(refusals);
  if (told !== undefined) return { ...told, ...backAfter(told, refusals, retryAfterMs) };
  if (why === 'busy') {
    const message = `all upstreams of the model have as many calls as they may have, and no place became free in time${after}`;
    return { ...refusal('upstream_busy', message), retryAfterMs: retryAfterMs ?? BUSY_RETRY_MS };
  }
  if (attempts.length === 0) return { ...unasked(why, pausedBy), ...retry };
  const isUnreached = attempts.every(({ fault }) => fault === 'refused' || fault === 'connect_timeout');
  if (isUnreached) return { ...refusal('upstream_unavailable', `no upstream of the model could be reached${after}`), ...retry };
  const remedy = refusals.length === 0 ? '' : `: check the \`secret\`, \`base_url\` and models of ${attempts.at(-1)?.upstream}`;
  const code = attempts.every(({ fault }) => fault === undefined) ? 'upstream_misconfigured' : 'upstream_failed';
  return { ...refusal(code, `no upstream of the model gave an answer${after}${remedy}`), ...retry };
}

/** Nothing was sent. */
function unasked(why: GivenUp, pausedBy: UpstreamAnswer | undefined): Refusal {
  if (why !== 'paused') return refusal('upstream_unavailable', 'all upstreams of the model are taken to be down; try again later');
  if (pausedBy === undefined)
    return refusal('upstream_busy', 'the upstreams of the model have what they take in a minute, or asked for a pause');
  const { target, status } = pausedBy;
  const code = meaningOf(status) === 'busy' ? 'upstream_busy' : 'upstream_failed';
  return {
    ...refusal(code, `the upstream of ${target} has answered ${status} and asked for a pause, which is not over`),
    upstream: { ...pausedBy, isRepeated: true },
  };
}

/** More is more telling: what asks for less traffic, then what may do better later, then what is not there. */
const TELLING: Readonly<Partial<Record<StatusMeaning, number>>> = { busy: 3, failed: 2, absent: 1 };

/** Of several upstreams' answers the most telling one, of equals the last; undefined: none is for the caller. */
function mostTelling(refusals: readonly Refusal[]): Refusal | undefined {
  let found: Refusal | undefined;
  let most = 0;
  for (const one of refusals) {
    const telling = one.upstream === undefined ? 0 : (TELLING[meaningOf(one.upstream.status)] ?? 0);
    if (telling === 0 || telling < most) continue;
    found = one;
    most = telling;
  }
  return found;
}

/** The soonest time that an upstream has named; where none has, when a target may be asked again. */
function backAfter(told: Refusal, refusals: readonly Refusal[], retryAfterMs: number | undefined): { readonly retryAfterMs?: number } {
  if (!isRetryable(told)) return {};
  const named = refusals.flatMap((one) => (one.retryAfterMs === undefined ? [] : [one.retryAfterMs]));
  if (named.length > 0) return { retryAfterMs: Math.min(...named) };
  const afterMs = retryAfterMs ?? (told.code === 'upstream_busy' ? BUSY_RETRY_MS : undefined);
  return afterMs === undefined ? {} : { retryAfterMs: afterMs };
}
