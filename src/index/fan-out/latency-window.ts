import { LatencyBuckets } from '../../kernel/latency-buckets.ts';

/** Bounds of the buckets grow by an eighth from 0.05 ms to 2 minutes: a quantile is accurate to 13 %. */
const BUCKETS = 125;
const LATENCIES = new LatencyBuckets(0.05, 1.125, BUCKETS);

/** One sick shard makes more than a few calls slow, which does not apply to the others. */
const LATE_TIMES = 4;

/** How long calls took lately: those of the current half of the window and of the half before. */
export class LatencyWindow {
  readonly #halfMs: number;
  readonly #countMin: number;
  #current = new Uint32Array(BUCKETS);
  #previous = new Uint32Array(BUCKETS);
  #count = 0;
  #previousCount = 0;
  #startedMs = -Infinity;

  /** With fewer than `countMin` calls no quantile is stated. */
  constructor(windowMs: number, countMin: number) {
    this.#halfMs = windowMs / 2;
    this.#countMin = countMin;
  }

  record(tookMs: number, nowMs: number): void {
    this.#turn(nowMs);
    const bucket = LATENCIES.bucketOf(tookMs);
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The duration that this share of the calls did not exceed; undefined while there are too few measurements. */
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
    return LATENCIES.boundMs(bucket);
  }

  /**
   * The age from which a second call is at least as likely as not to be answered before the first: half of the calls that took this long
   * took at least a usual call's time more. Not before the quantile of `share`, or several times the usual duration if that is less. Where
   * nearly all calls take about as long, it is longer than any of them. Undefined while there are too few measurements.
   */
  lateMs(share: number, nowMs: number): number | undefined {
    const [usualMs, slowMs] = [this.quantileMs(0.5, nowMs), this.quantileMs(share, nowMs)];
    if (usualMs === undefined || slowMs === undefined) return undefined;
    // How many took longer than each bound.
    const longer = new Uint32Array(BUCKETS + 1);
    for (let bucket = BUCKETS - 1; bucket > 0; bucket -= 1) {
      longer[bucket - 1] = (longer[bucket] ?? 0) + (this.#current[bucket] ?? 0) + (this.#previous[bucket] ?? 0);
    }
    for (let bucket = LATENCIES.bucketOf(Math.min(slowMs, LATE_TIMES * usualMs)); ; bucket += 1) {
      const lateMs = LATENCIES.boundMs(bucket);
      const late = longer[bucket] ?? 0;
      if (late === 0) return lateMs + usualMs;
      if (2 * (longer[LATENCIES.bucketOf(lateMs + usualMs)] ?? 0) >= late) return lateMs;
    }
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
