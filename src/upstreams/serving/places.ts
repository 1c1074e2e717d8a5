import type { Target } from '../target.ts';

/** A call may outlive its total time by so long while its end is noticed. */
const LOST_AFTER_MS = 5_000;

/** A call at a target that is not over by then was lost with its request. */
export const lostAtMs = ({ timeouts }: Target, startedAtMs: number): number => startedAtMs + timeouts.totalMs + LOST_AFTER_MS;

/** The right to have one call under way at an upstream. */
export interface Place {
  /** Gives it back; again does nothing. */
  release(): void;
}

/**
 * How many calls of this isolate are under way at each upstream: never more than its `concurrency`. [U58] A request that the runtime ended
 * without a word gives its place back when the time that a call may take has passed.
 */
export class Places {
  readonly #taken = new Map<string, Map<Place, number>>();
  /** Upstreams whose places are in use by other isolates, and until when that is taken for granted. */
  readonly #busyUntilMs = new Map<string, number>();

  /** How many places are free now; Infinity where nothing limits them. */
  free({ upstreamId, limits }: Target, nowMs: number): number {
    if (limits.concurrency === undefined) return Infinity;
    if ((this.#busyUntilMs.get(upstreamId) ?? 0) > nowMs) return 0;
    const taken = this.#taken.get(upstreamId);
    if (taken === undefined) return limits.concurrency;
    if (taken.size >= limits.concurrency) this.#forgetLost(upstreamId, taken, nowMs);
    return Math.max(0, limits.concurrency - taken.size);
  }

  /** There must be one free. */
  take(target: Target, nowMs: number): Place {
    const { upstreamId } = target;
    const taken = this.#taken.get(upstreamId) ?? new Map<Place, number>();
    const place: Place = {
      release: () => {
        if (taken.delete(place) && taken.size === 0 && this.#taken.get(upstreamId) === taken) this.#taken.delete(upstreamId);
      },
    };
    taken.set(place, lostAtMs(target, nowMs));
    this.#taken.set(upstreamId, taken);
    return place;
  }

  /** Nothing is tried there until then. */
  busyUntil(upstreamId: string, untilMs: number): void {
    this.#busyUntilMs.set(upstreamId, untilMs);
  }

  #forgetLost(upstreamId: string, taken: Map<Place, number>, nowMs: number): void {
    for (const [place, untilMs] of taken) if (untilMs <= nowMs) taken.delete(place);
    if (taken.size === 0) this.#taken.delete(upstreamId);
  }
}
