import { LIMITS } from '../../src/contract/limits.ts';

/**
 * How many requests a replica has under way, on average over time: what comes and goes between two looks counts for as long as it took. [P82]
 */
export class LoadMeter {
  readonly #nowMs: () => number;
  #underWay = 0;
  /** Of the requests under way over time, since `#fromMs`. */
  #requestMs = 0;
  #fromMs: number;
  #countedMs: number;
  #lastMilli = 0;

  /** `nowMs`: monotonic milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#fromMs = this.#countedMs = nowMs();
  }

  get underWay(): number {
    return this.#underWay;
  }

  begin(): void {
    this.#count();
    this.#underWay += 1;
  }

  end(): void {
    this.#count();
    this.#underWay -= 1;
  }

  /** Since the last call that was answered anew; in tenths of requests, so that noise is no news. */
  outstandingMilli(): number {
    this.#count();
    const overMs = this.#countedMs - this.#fromMs;
    if (overMs < LIMITS.replicaLoadWindowMs) return this.#lastMilli;
    this.#lastMilli = Math.round((this.#requestMs / overMs) * 10) * 100;
    this.#requestMs = 0;
    this.#fromMs = this.#countedMs;
    return this.#lastMilli;
  }

  #count(): void {
    const nowMs = this.#nowMs();
    this.#requestMs += this.#underWay * (nowMs - this.#countedMs);
    this.#countedMs = nowMs;
  }
}
