/** An observation weighs half as much after so long. */
const HALF_LIFE_MS = 10_000;
/** The last times kept for the percentile. */
const KEPT_COUNT = 128;
/** Fewer times say nothing about a percentile. */
const ENOUGH_COUNT = 20;

/** How long a target takes until its first token: an average that a slow answer raises at once, and time and fast answers lower. */
export class FirstTokenTimes {
  #averageMs = 0;
  #observedAtMs = 0;
  readonly #last: number[] = [];
  #next = 0;

  observe(elapsedMs: number, nowMs: number): void {
    const kept = 0.5 ** (Math.max(0, nowMs - this.#observedAtMs) / HALF_LIFE_MS);
    // At least a tenth of each observation counts, however close to the one before it came.
    const weight = Math.max(0.1, 1 - kept);
    this.#averageMs = elapsedMs > this.#averageMs ? elapsedMs : this.#averageMs + weight * (elapsedMs - this.#averageMs);
    this.#observedAtMs = nowMs;
    this.#last[this.#next] = elapsedMs;
    this.#next = (this.#next + 1) % KEPT_COUNT;
  }

  /** 0: never observed. */
  averageMs(nowMs: number): number {
    return this.#averageMs * 0.5 ** (Math.max(0, nowMs - this.#observedAtMs) / HALF_LIFE_MS);
  }

  /** The time within which 95 of 100 answers begin. Undefined: not known yet. */
  p95Ms(): number | undefined {
    if (this.#last.length < ENOUGH_COUNT) return undefined;
    const sorted = this.#last.toSorted((a, b) => a - b);
    return sorted[Math.floor(0.95 * sorted.length)];
  }
}
