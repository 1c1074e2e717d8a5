import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { Opened } from '../transport.ts';

/**
 * What the head of an answer means for the request and for its target. `answer`: it is passed on, also where it refuses the request itself.
 * `pause`: the target has too much to do. `failure`: another target may do better.
 */
export type Judgement =
  | { readonly kind: 'answer' }
  | { readonly kind: 'pause'; readonly pauseMs: number }
  | { readonly kind: 'failure'; readonly pauseMs: number };

/** Of the statuses below 500 those that say nothing against the request: the secret, the address or the state of the upstream is wrong. */
const NOT_THE_REQUEST = new Set([401, 402, 403, 404, 405, 407, 408, 409, 410, 421, 425, 426]);

/** A pause that a target does not state. */
const PAUSE_MS = 1_000;
/** Anthropic's own status for an overload. */
const OVERLOADED = 529;

export function judgeAnswer({ status, retryAfterMs }: Opened): Judgement {
  const pauseMs = Math.min(retryAfterMs ?? 0, UPSTREAM_LIMITS.upstreamPauseMaxMs);
  if (status === 429 || status === OVERLOADED) return { kind: 'pause', pauseMs: retryAfterMs === undefined ? PAUSE_MS : pauseMs };
  if (status >= 500 || NOT_THE_REQUEST.has(status)) return { kind: 'failure', pauseMs };
  // A redirect is not followed: the upstream is not where it is said to be.
  if (status >= 300 && status < 400) return { kind: 'failure', pauseMs: 0 };
  return { kind: 'answer' };
}
