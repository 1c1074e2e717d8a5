import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';

const BUCKETS = 10;
const BUCKET_MS = UPSTREAM_LIMITS.upstreamWindowMs / BUCKETS;

/** Outcomes of a part of the window. Handed out so that a success can be taken back while it still counts. */
export interface OutcomeBucket {
  readonly startMs: number;
  succeeded: number;
  failed: number;
}

/** How many calls of the last `upstreamWindowMs` succeeded and failed. */
export class OutcomeWindow {
  #buckets: OutcomeBucket[] = [];

  succeeded(nowMs: number): OutcomeBucket {
    const bucket = this.#current(nowMs);
    bucket.succeeded += 1;
    return bucket;
  }

  /** `success`: where the same call was counted as a success before, at its first token. */
  failed(nowMs: number, success?: OutcomeBucket): void {
    if (success !== undefined) success.succeeded -= 1;
    this.#current(nowMs).failed += 1;
  }

  count(nowMs: number): { readonly succeeded: number; readonly failed: number } {
    this.#forget(nowMs);
    let [succeeded, failed] = [0, 0];
    for (const bucket of this.#buckets) {
      succeeded += bucket.succeeded;
      failed += bucket.failed;
    }
    return { succeeded, failed };
  }

  /** The share of failures, where there are enough outcomes to speak of one. */
  failureShare(nowMs: number): number | undefined {
    const { succeeded, failed } = this.count(nowMs);
    return succeeded + failed < UPSTREAM_LIMITS.upstreamOutcomesMinCount ? undefined : failed / (succeeded + failed);
  }

  clear(): void {
    this.#buckets = [];
  }

  #current(nowMs: number): OutcomeBucket {
    this.#forget(nowMs);
    const startMs = nowMs - (nowMs % BUCKET_MS);
    const last = this.#buckets.at(-1);
    if (last !== undefined && last.startMs >= startMs) return last;
    const bucket = { startMs, succeeded: 0, failed: 0 };
    this.#buckets.push(bucket);
    return bucket;
  }

  // A clock that was set back makes buckets of the future, which count for no longer than the window either.
  #forget(nowMs: number): void {
    if (this.#buckets.length === 0) return;
    this.#buckets = this.#buckets.filter(({ startMs }) => Math.abs(nowMs - startMs) < UPSTREAM_LIMITS.upstreamWindowMs);
  }
}
