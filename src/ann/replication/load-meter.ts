import { LIMITS } from '../../contract/limits.ts';

/** In objects kept wholly busy. */
export interface ShardLoad {
  /** What only the primary can do: writes and strong reads. */
  readonly exclusive: number;
  /** Reads that a replica may answer. */
  readonly sharable: number;
}

export const NO_LOAD: ShardLoad = { exclusive: 0, sharable: 0 };

/** How busy an object was lately: a mean over time whose weights are halved every `loadHalfLifeMs`. Lost with the object's memory. */
export class LoadMeter {
  #load = NO_LOAD;
  #atMs: number | undefined;

  /** A call that took so much computing. */
  record(kind: keyof ShardLoad, busyMs: number, nowMs: number): void {
    const perSecond = Math.max(busyMs / 1_000, 1 / LIMITS.objectRequestsPerSecond);
    const before = this.load(nowMs);
    this.#load = { ...before, [kind]: before[kind] + perSecond * RATE_PER_SECOND };
    this.#atMs = nowMs;
  }

  load(nowMs: number): ShardLoad {
    const kept = this.#atMs === undefined ? 0 : 0.5 ** (Math.max(0, nowMs - this.#atMs) / LIMITS.loadHalfLifeMs);
    return { exclusive: this.#load.exclusive * kept, sharable: this.#load.sharable * kept };
  }
}

/** What one second's worth of work adds to the mean at once: so much decays in a second when the mean is 1. */
const RATE_PER_SECOND = Math.LN2 / (LIMITS.loadHalfLifeMs / 1_000);
