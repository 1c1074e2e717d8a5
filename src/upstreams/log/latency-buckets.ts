/** Each bucket ends 5 % above the one before it, from a tenth of a millisecond on. */
const GROWTH = 1.05;
const FIRST_MS = 0.1;

/** Counts of durations, by bucket. What a bucket stands for is off by 2.5 % at most, whatever it counts. */
export type LatencyBuckets = Readonly<Record<number, number>>;

export const bucketOf = (ms: number): number => (ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH)));

/** The middle of a bucket. */
const msOf = (bucket: number): number => FIRST_MS * GROWTH ** (bucket - 0.5);

/** The duration that this share of the counted ones does not exceed; undefined where nothing was counted. */
export function quantileMs(buckets: LatencyBuckets, share: number): number | undefined {
  const sorted = Object.entries(buckets)
    .map(([bucket, count]) => ({ bucket: Number(bucket), count }))
    .sort((a, b) => a.bucket - b.bucket);
  const total = sorted.reduce((sum, { count }) => sum + count, 0);
  let left = Math.max(1, Math.ceil(share * total));
  for (const { bucket, count } of sorted) {
    left -= count;
    if (left <= 0) return msOf(bucket);
  }
  return undefined;
}
