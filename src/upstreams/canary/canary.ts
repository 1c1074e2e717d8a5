import { LatencyBuckets, quantileBucket } from '../../kernel/latency-buckets.ts';
import type { Counted, RateInterval } from './bernoulli-interval.ts';
import { rateInterval } from './bernoulli-interval.ts';

export const CANARY_BUCKETS = 64;

/** Up to 1 ms, then up to 1.25 ms, and so on; the last is open: 1.25^62 ms are 17 minutes. */
export const CANARY_LATENCIES = new LatencyBuckets(1, 1.25, CANARY_BUCKETS);

/** How a new version of a route takes over. */
export interface CanarySettings {
  /** Shares of the requests, ascending; the last is 1, at which it has taken over. */
  readonly steps: readonly number[];
  /** Of the canary, in each step, before the next one. */
  readonly stepRequestsMin: number;
  readonly stepMs: number;
  /** How much higher than the stable version's its share of failed or slow requests may be. */
  readonly marginMax: number;
  /** The chance, over the whole canary, of rolling back a version that is no worse. */
  readonly falseAlarmMax: number;
}

/** What was served by one version since the canary began. */
export interface ArmTally {
  readonly requests: number;
  readonly failures: number;
  /** Of those that did not fail, by bucket of `CANARY_LATENCIES`. */
  readonly latencies: readonly number[];
}

export interface CanaryState {
  readonly step: number;
  readonly stepSinceMs: number;
  /** Requests of the canary when the step began. */
  readonly stepRequests: number;
  /** A slower request is slow. Chosen from the stable version's requests until then, which are not compared. */
  readonly slow?: { readonly bucket: number; readonly stable: ArmTally; readonly canary: ArmTally };
}

/** Two versions compared by the share of their requests that something happened to. */
export interface Comparison {
  readonly of: 'failures' | 'slow';
  readonly canary: Counted & RateInterval;
  readonly stable: Counted & RateInterval;
}

export type CanaryDecision =
  | { readonly kind: 'hold'; readonly state: CanaryState }
  | { readonly kind: 'advance'; readonly state: CanaryState; readonly share: number }
  | { readonly kind: 'finish'; readonly comparisons: readonly Comparison[] }
  | { readonly kind: 'roll-back'; readonly because: Comparison };

/** The slowest tenth of the stable version's requests are the slow ones. */
const SLOW_QUANTILE = 0.9;
/** Requests of the stable version from which it is determined what is slow. */
const SLOW_REQUESTS_MIN = 100;

export const NO_TALLY: ArmTally = { requests: 0, failures: 0, latencies: Array.from({ length: CANARY_BUCKETS }, () => 0) };

/** Adds up what isolates have counted. */
export const addTally = (left: ArmTally, right: ArmTally): ArmTally => ({
  requests: left.requests + right.requests,
  failures: left.failures + right.failures,
  latencies: left.latencies.map((count, bucket) => count + (right.latencies[bucket] ?? 0)),
});

/**
 * What follows from all that was counted of both versions so far. [U97]
 *
 * It is rolled back once the lower end of its rate of failures, or of slow requests, lies above the upper end of the stable version's by more than
 * the margin. Each of the four intervals misses its rate at any time with a quarter of `falseAlarmMax`, so a version that is no worse is rolled
 * back with that chance at most, however often this is asked.
 */
export function decideCanary(
  settings: CanarySettings,
  state: CanaryState,
  { canary, stable, nowMs }: { readonly canary: ArmTally; readonly stable: ArmTally; readonly nowMs: number },
): CanaryDecision {
  const comparisons = comparisonsOf(settings, state, canary, stable);
  const because = comparisons.find((comparison) => comparison.canary.low > comparison.stable.high + settings.marginMax);
  if (because !== undefined) return { kind: 'roll-back', because };
  const next = withSlowBucket(state, canary, stable);
  const isRipe = canary.requests - state.stepRequests >= settings.stepRequestsMin && nowMs - state.stepSinceMs >= settings.stepMs;
  const share = settings.steps[state.step + 1];
  if (!isRipe) return { kind: 'hold', state: next };
  if (share === undefined || share >= 1) return { kind: 'finish', comparisons };
  return { kind: 'advance', share, state: { ...next, step: state.step + 1, stepSinceMs: nowMs, stepRequests: canary.requests } };
}

function comparisonsOf(
  { falseAlarmMax }: CanarySettings,
  { slow }: CanaryState,
  canary: ArmTally,
  stable: ArmTally,
): readonly Comparison[] {
  const counted = (events: number, trials: number) => ({ events, trials, ...rateInterval({ events, trials }, falseAlarmMax / 4) });
  const failures: Comparison = {
    of: 'failures',
    canary: counted(canary.failures, canary.requests),
    stable: counted(stable.failures, stable.requests),
  };
  if (slow === undefined) return [failures];
  const slowOf = (now: ArmTally, before: ArmTally) => {
    const events = countAbove(now.latencies, slow.bucket) - countAbove(before.latencies, slow.bucket);
    return counted(events, servedOf(now) - servedOf(before));
  };
  return [failures, { of: 'slow', canary: slowOf(canary, slow.canary), stable: slowOf(stable, slow.stable) }];
}

const servedOf = ({ requests, failures }: ArmTally): number => requests - failures;

function withSlowBucket(state: CanaryState, canary: ArmTally, stable: ArmTally): CanaryState {
  if (state.slow !== undefined || servedOf(stable) < SLOW_REQUESTS_MIN) return state;
  const bucket = quantileBucket(stable.latencies, SLOW_QUANTILE);
  return bucket === undefined ? state : { ...state, slow: { bucket, stable, canary } };
}

const countAbove = (counts: readonly number[], bucket: number): number => counts.slice(bucket + 1).reduce((sum, count) => sum + count, 0);
