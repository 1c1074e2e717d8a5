import { LIMITS } from '../../contract/limits.ts';
import type { ShardLoad } from './load-meter.ts';

/** When a shard reports to its index that it is busy: from time to time while it is. */
export class BusyReport {
  #toldMs = -Infinity;

  isDue({ exclusive, sharable }: ShardLoad, nowMs: number): boolean {
    if (exclusive + sharable < LIMITS.replicaAddLoad || sharable < LIMITS.replicaReliefMin) return false;
    if (nowMs - this.#toldMs < LIMITS.busyReportMs) return false;
    this.#toldMs = nowMs;
    return true;
  }
}
