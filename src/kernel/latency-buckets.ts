/** Counts of durations, by bucket: a list, or a record where most buckets are empty. */
export type LatencyCounts = Readonly<Record<number, number>>;

/** A histogram's buckets of durations. Each ends a fixed factor above the one before it, so that counts of several isolates can be added up. */
export class LatencyBuckets {
  readonly #firstMs: number;
  readonly #growth: number;
  readonly #last: number;

  /** The first bucket ends at `firstMs`. With a `count`, the last bucket is open. */
  constructor(firstMs: number, growth: number, count = Infinity) {
    this.#firstMs = firstMs;
    this.#growth = growth;
    this.#last = count - 1;
  }

  /** The first bucket whose upper bound is not below; the subtrahend keeps a bound itself in its own bucket, however it is rounded. */
  bucketOf(ms: number): number {
    if (ms <= this.#firstMs) return 0;
    return Math.min(this.#last, Math.ceil(Math.log(ms / this.#firstMs) / Math.log(this.#growth) - 1e-9));
  }

  /** The upper bound of a bucket; of half a bucket less, its geometric middle. */
  boundMs(bucket: number): number {
    return this.#firstMs * this.#growth ** bucket;
  }
}

/** The first bucket up to which at least this share of the counts lies; undefined where nothing was counted. */
export function quantileBucket(counts: LatencyCounts, share: number): number | undefined {
  // Keys that are whole numbers come in ascending order.
  const entries = Object.entries(counts);
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  let left = Math.max(1, Math.ceil(share * total));
  for (const [bucket, count] of entries) {
    left -= count;
    if (left <= 0) return Number(bucket);
  }
  return undefined;
}
