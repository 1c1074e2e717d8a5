// Latencies are counted in buckets of a fixed ratio, so that isolates can add up what each has seen.

/** Of the upper edge of a bucket to the lower one. */
const RATIO = 1.25;
/** Up to 1 ms, then up to 1.25 ms, and so on; the last is open: 1.25^62 ms are 17 minutes. */
export const BUCKETS = 64;

export const bucketOf = (ms: number): number => (ms <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms) / Math.log(RATIO) - 1e-9)));

/** The upper edge of a bucket, in milliseconds. */
export const edgeOf = (bucket: number): number => RATIO ** bucket;

/** The first bucket up to which at least this share of the counts lies. */
export function quantileBucket(counts: readonly number[], quantile: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    below += count;
    if (below >= quantile * total) return bucket;
  }
  return BUCKETS - 1;
}

export const countAbove = (counts: readonly number[], bucket: number): number =>
  counts.slice(bucket + 1).reduce((sum, count) => sum + count, 0);
