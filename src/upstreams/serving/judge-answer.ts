import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { Opened } from '../transport.ts';
import { meaningOf } from '../upstream-status.ts';

/**
 * What the head of an answer means for the request and for its target. `answer`: it is passed on, also where it refuses the request itself.
 * `pause`: the target has too much to do. `failure`: another target may do better.
 */
export type Judgement =
  | { readonly kind: 'answer' }
  | { readonly kind: 'pause'; readonly pauseMs: number }
  | { readonly kind: 'failure'; readonly pauseMs: number };

/** A pause that a target does not state. */
const PAUSE_MS = 1_000;

export function judgeAnswer({ status, retryAfterMs }: Opened): Judgement {
  const pauseMs = Math.min(retryAfterMs ?? 0, UPSTREAM_LIMITS.upstreamPauseMaxMs);
  switch (meaningOf(status)) {
    case 'answer':
    case 'rejected':
      return { kind: 'answer' };
    case 'busy':
      return { kind: 'pause', pauseMs: retryAfterMs === undefined ? PAUSE_MS : pauseMs };
    case 'failed':
    case 'absent':
    case 'misconfigured':
      return { kind: 'failure', pauseMs };
  }
}
