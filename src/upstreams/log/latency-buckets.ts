import type { LatencyCounts } from '../../kernel/latency-buckets.ts';
import { LatencyBuckets, quantileBucket } from '../../kernel/latency-buckets.ts';

/** Each bucket ends 5 % above the one before it, from a tenth of a millisecond on: the middle of a bucket is within 2.5 % of its durations. */
export const LOG_LATENCIES = new LatencyBuckets(0.1, 1.05);

/** The duration that this share of the counted ones does not exceed; undefined where nothing was counted. */
export function quantileMs(counts: LatencyCounts, share: number): number | undefined {
  const bucket = quantileBucket(counts, share);
  return bucket === undefined ? undefined : LOG_LATENCIES.boundMs(bucket - 0.5);
}
