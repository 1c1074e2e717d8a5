/** Bounds of the buckets grow by an eighth from 0.05 ms to 2 minutes: a quantile is told to within 13 %. */
const GROWTH = 1.125;
const FIRST_MS = 0.05;
const BUCKETS = 125;

/** How long calls took lately: those of the current half of the window and of the half before. */
export class LatencyWindow {
  readonly #halfMs: number;
  readonly #countMin: number;
  #current = new Uint32Array(BUCKETS);
  #previous = new Uint32Array(BUCKETS);
  #count = 0;
  #previousCount = 0;
  #startedMs = -Infinity;

  /** Fewer than `countMin` calls tell nothing. */
  constructor(windowMs: number, countMin: number) {
    this.#halfMs = windowMs / 2;
    this.#countMin = countMin;
  }

  record(tookMs: number, nowMs: number): void {
    this.#turn(nowMs);
    const bucket = bucketOf(tookMs);
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** At most so long took a share of the calls; undefined when there were too few to tell. */
  quantileMs(share: number, nowMs: number): number | undefined {
    this.#turn(nowMs);
    const count = this.#count + this.#previousCount;
    if (count < this.#countMin) return undefined;
    let left = Math.ceil(share * count);
    let bucket = 0;
    for (; bucket < BUCKETS - 1; bucket += 1) {
      left -= (this.#current[bucket] ?? 0) + (this.#previous[bucket] ?? 0);
      if (left <= 0) break;
    }
    return FIRST_MS * GROWTH ** bucket;
  }

  #turn(nowMs: number): void {
    if (nowMs < this.#startedMs + this.#halfMs) return;
    const isNext = nowMs < this.#startedMs + 2 * this.#halfMs;
    [this.#previous, this.#current] = [this.#current, this.#previous];
    this.#current.fill(0);
    this.#previousCount = this.#count;
    this.#count = 0;
    if (!isNext) {
      this.#previous.fill(0);
      this.#previousCount = 0;
    }
    this.#startedMs = nowMs;
  }
}

/** The first bucket whose bound is not below. */
const bucketOf = (tookMs: number): number =>
  Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log(Math.max(tookMs, FIRST_MS) / FIRST_MS) / Math.log(GROWTH) - 1e-9)));
