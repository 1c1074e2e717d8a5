import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';

/** Retries at a target, as a share of the calls that come to it first: an outage is multiplied by 1.2 and not by the number of attempts. */
const SHARE = 0.2;
const REFILL_MS = 1_000;

/** Counts the retries that may still go to a target. [U52] */
export class RetryBudget {
  #left: number = UPSTREAM_LIMITS.upstreamRetryReserveCount;
  #refilledAtMs: number;

  constructor(nowMs: number) {
    this.#refilledAtMs = nowMs;
  }

  /** A call came that is no retry. */
  deposit(): void {
    this.#left = Math.min(UPSTREAM_LIMITS.upstreamRetryReserveCount, this.#left + SHARE);
  }

  hasOne(nowMs: number): boolean {
    const refill = Math.max(0, (nowMs - this.#refilledAtMs) / REFILL_MS);
    this.#left = Math.min(UPSTREAM_LIMITS.upstreamRetryReserveCount, this.#left + refill);
    this.#refilledAtMs = nowMs;
    return this.#left >= 1;
  }

  withdraw(): void {
    this.#left -= 1;
  }
}
