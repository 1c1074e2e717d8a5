import { LIMITS } from '../../contract/limits.ts';

/**
 * How background work of an isolate yields to searches: while there are any, a slice is followed by a pause of at least twice its length.
 * So a search usually finds no work before it, and seldom more than a slice or two.
 */
export class Pace {
  #searchedMs = -Infinity;

  /** Follows a search of any shard. */
  searched(nowMs: number): void {
    this.#searchedMs = nowMs;
  }

  /** How long to pause after a slice that took `tookMs`, with what others did meanwhile. */
  pauseMs(tookMs: number, nowMs: number): number {
    if (nowMs - this.#searchedMs > LIMITS.paceQuietMs) return 0;
    return Math.min(LIMITS.pauseMaxMs, Math.max(LIMITS.pauseMinMs, 2 * tookMs));
  }
}
