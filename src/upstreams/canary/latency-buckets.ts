import { LatencyBuckets } from '../../kernel/latency-buckets.ts';

export const BUCKETS = 64;

/** Up to 1 ms, then up to 1.25 ms, and so on; the last is open: 1.25^62 ms are 17 minutes. */
export const CANARY_LATENCIES = new LatencyBuckets(1, 1.25, BUCKETS);

export const countAbove = (counts: readonly number[], bucket: number): number =>
  counts.slice(bucket + 1).reduce((sum, count) => sum + count, 0);
