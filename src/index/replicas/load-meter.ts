import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';

/** In objects kept wholly busy. */
export interface ShardLoad {
  /** What only the primary can do: writes and strong reads. */
  readonly exclusive: number;
  /** Reads that a replica may answer. */
  readonly sharable: number;
}

const NO_LOAD: ShardLoad = { exclusive: 0, sharable: 0 };

/** How busy an object was lately: a mean over time whose weights are halved every `loadHalfLifeMs`. Lost with the object's memory. */
export class LoadMeter {
  #load = NO_LOAD;
  #locations = new Map<string, number>();
  #atMs: number | undefined;

  /** An operation that took this much computing; for a read, where it came from. */
  record(kind: keyof ShardLoad, busyMs: number, nowMs: number, location?: string): void {
    const weight = Math.max(busyMs / 1_000, 1 / INDEX_LIMITS.objectRequestsPerSecond) * RATE_PER_SECOND;
    const kept = this.#kept(nowMs);
    this.#load = { exclusive: this.#load.exclusive * kept, sharable: this.#load.sharable * kept };
    this.#load = { ...this.#load, [kind]: this.#load[kind] + weight };
    for (const [place, load] of this.#locations) this.#locations.set(place, load * kept);
    if (location !== undefined) this.#locations.set(location, (this.#locations.get(location) ?? 0) + weight);
    this.#atMs = nowMs;
  }

  load(nowMs: number): ShardLoad {
    const kept = this.#kept(nowMs);
    return { exclusive: this.#load.exclusive * kept, sharable: this.#load.sharable * kept };
  }

  /** The region that most of the recent load came from; null when no caller stated one. */
  get location(): string | null {
    const [most] = [...this.#locations].sort((a, b) => b[1] - a[1]);
    return most?.[0] ?? null;
  }

  #kept(nowMs: number): number {
    return this.#atMs === undefined ? 0 : 0.5 ** (Math.max(0, nowMs - this.#atMs) / INDEX_LIMITS.loadHalfLifeMs);
  }
}

/** What one second's worth of work adds to the mean at once: this much decays in a second when the mean is 1. */
const RATE_PER_SECOND = Math.LN2 / (INDEX_LIMITS.loadHalfLifeMs / 1_000);

/** When a shard reports to its index that it is busy: from time to time while it is. */
export class BusyReport {
  #toldMs = -Infinity;

  isDue({ exclusive, sharable }: ShardLoad, nowMs: number): boolean {
    if (exclusive + sharable < INDEX_LIMITS.replicaAddLoad || sharable < INDEX_LIMITS.replicaReliefMin) return false;
    if (nowMs - this.#toldMs < INDEX_LIMITS.busyReportMs) return false;
    this.#toldMs = nowMs;
    return true;
  }
}
