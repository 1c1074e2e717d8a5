import { describe, expect, it } from 'vitest';

import { Seeded } from '../../../src/kernel/seeded.ts';
import { rateInterval } from '../../../src/upstreams/canary/bernoulli-interval.ts';
import type { ArmTally, CanaryDecision, CanarySettings, CanaryState } from '../../../src/upstreams/canary/canary.ts';
import { addTally, CANARY_BUCKETS, CANARY_LATENCIES, decideCanary, NO_TALLY } from '../../../src/upstreams/canary/canary.ts';
import { quantileBucket } from '../../../src/kernel/latency-buckets.ts';

const isFull = process.env['SLUICE_TEST_FULL'] === '1';

const SETTINGS: CanarySettings = {
  steps: [0.05, 0.25, 1],
  stepRequestsMin: 100,
  stepMs: 10_000,
  marginMax: 0,
  falseAlarmMax: 0.01,
};

interface Arm {
  readonly failureRate: number;
  readonly latencyMs: number;
}

/** One request: whether it fails, and how long it takes. */
function served(rng: Seeded, { failureRate, latencyMs }: Arm): ArmTally {
  const failed = rng.next() < failureRate;
  const latencies = Array.from({ length: CANARY_BUCKETS }, () => 0);
  // Exponentially distributed: some are much slower than others.
  if (!failed) latencies[CANARY_LATENCIES.bucketOf(-latencyMs * Math.log(1 - rng.next()))] = 1;
  return { requests: 1, failures: Number(failed), latencies };
}

/** A canary until it ends, asked after every 50 requests of both versions together, a second apart. */
function simulate(
  seed: number,
  stable: Arm,
  canary: Arm,
): { readonly end: CanaryDecision; readonly exposed: number; readonly shares: number[] } {
  const rng = new Seeded(seed);
  let state: CanaryState = { step: 0, stepSinceMs: 0, stepRequests: 0 };
  let [ofCanary, ofStable] = [NO_TALLY, NO_TALLY];
  const shares: number[] = [];
  for (let nowMs = 1_000; ; nowMs += 1_000) {
    const share = SETTINGS.steps[state.step]!;
    for (let i = 0; i < 50; i++)
      if (rng.next() < share) ofCanary = addTally(ofCanary, served(rng, canary));
      else ofStable = addTally(ofStable, served(rng, stable));
    const decision = decideCanary(SETTINGS, state, { canary: ofCanary, stable: ofStable, nowMs });
    if (decision.kind === 'finish' || decision.kind === 'roll-back') return { end: decision, exposed: ofCanary.requests, shares };
    if (decision.kind === 'advance') shares.push(decision.share);
    ({ state } = decision);
  }
}

describe('[U97] rates', () => {
  it('[U97] lie within their interval at all times, but for the chance that is stated', () => {
    const alpha = 0.05;
    const runs = isFull ? 4_000 : 400;
    for (const rate of [0.02, 0.3]) {
      const rng = new Seeded(11);
      let missed = 0;
      for (let run = 0; run < runs; run++) {
        let events = 0;
        let isMissed = false;
        for (let trials = 1; trials <= 600 && !isMissed; trials++) {
          events += Number(rng.next() < rate);
          const { low, high } = trials % 10 === 0 ? rateInterval({ events, trials }, alpha) : { low: 0, high: 1 };
          isMissed = rate < low || rate > high;
        }
        missed += Number(isMissed);
      }
      // A chance of at most alpha, and three standard deviations of counting it.
      expect(missed / runs).toBeLessThan(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs));
    }
  });

  it('[U97] are enclosed ever more narrowly, and by everything where nothing was seen', () => {
    expect(rateInterval({ events: 0, trials: 0 }, 0.01)).toEqual({ low: 0, high: 1 });
    const widths = [10, 100, 1_000, 10_000, 100_000].map((trials) => {
      const { low, high } = rateInterval({ events: trials / 10, trials }, 0.01);
      expect(low).toBeLessThan(0.1);
      expect(high).toBeGreaterThan(0.1);
      return high - low;
    });
    expect(widths).toEqual([...widths].sort((left, right) => right - left));
    expect(widths.at(-1)).toBeLessThan(0.01);
    // Of three failures of three, a rate of one half would be no surprise; of thirty it would.
    expect(rateInterval({ events: 3, trials: 3 }, 0.01)).toMatchObject({ high: 1, low: expect.toSatisfy((low: number) => low < 0.5) });
    expect(rateInterval({ events: 30, trials: 30 }, 0.01).low).toBeGreaterThan(0.5);
  });

  it('[U97] latencies fall into buckets whose upper edge they do not exceed', () => {
    for (const ms of [0, 0.5, 1, 1.1, 1.25, 1.2501, 10, 999, 60_000]) {
      expect(CANARY_LATENCIES.boundMs(CANARY_LATENCIES.bucketOf(ms))).toBeGreaterThanOrEqual(ms * (1 - 1e-6));
      if (CANARY_LATENCIES.bucketOf(ms) > 0) expect(CANARY_LATENCIES.boundMs(CANARY_LATENCIES.bucketOf(ms) - 1)).toBeLessThan(ms);
    }
    expect(CANARY_LATENCIES.bucketOf(1e12)).toBe(CANARY_BUCKETS - 1);
    expect(quantileBucket([0, 5, 4, 1], 0.9)).toBe(2);
  });
});

describe('[U97] a canary', () => {
  const SEEDS = isFull ? 1_000 : 60;
  const STABLE: Arm = { failureRate: 0.02, latencyMs: 200 };

  it('[U97] that is no worse takes over step by step, and is rolled back as seldom as stated', () => {
    let rolledBack = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { end, shares } = simulate(seed, STABLE, STABLE);
      if (end.kind === 'roll-back') rolledBack += 1;
      else expect(shares).toEqual([0.25]);
    }
    // A chance of 0.01: of 60 more than 4 come about once in 2,500 times, and the seeds are fixed.
    expect(rolledBack).toBeLessThanOrEqual(SEEDS * 0.01 + 4 * Math.sqrt(SEEDS * 0.01));
  });

  it.each([
    ['fails ten times as often', { failureRate: 0.2, latencyMs: 200 }, 'failures'],
    ['always fails', { failureRate: 1, latencyMs: 200 }, 'failures'],
    ['is three times as slow', { failureRate: 0.02, latencyMs: 600 }, 'slow'],
  ] as const)('[U97] that %s is rolled back, with the numbers, before it has taken over', (_, canary, of) => {
    for (let seed = 1; seed <= SEEDS / 4; seed++) {
      const { end, exposed } = simulate(seed, STABLE, canary);
      expect(end).toMatchObject({ kind: 'roll-back', because: { of } });
      if (end.kind === 'roll-back') expect(end.because.canary.low).toBeGreaterThan(end.because.stable.high);
      expect(exposed).toBeLessThan(600);
    }
  });

  it('[U97] holds its share until its step has seen enough requests and time', () => {
    const state: CanaryState = { step: 0, stepSinceMs: 0, stepRequests: 0 };
    const tally = (requests: number): ArmTally => ({ ...NO_TALLY, requests });
    const kind = (requests: number, nowMs: number) =>
      decideCanary(SETTINGS, state, { canary: tally(requests), stable: tally(1_000), nowMs }).kind;
    expect([kind(99, 60_000), kind(100, 9_999), kind(100, 10_000)]).toEqual(['hold', 'hold', 'advance']);
    const last: CanaryState = { step: 1, stepSinceMs: 0, stepRequests: 100 };
    expect(decideCanary(SETTINGS, last, { canary: tally(200), stable: tally(1_000), nowMs: 60_000 })).toMatchObject({
      kind: 'finish',
      comparisons: [{ of: 'failures', canary: { trials: 200 } }],
    });
  });

  it('[U97] compares slow requests of both from the moment at which it was determined what is slow', () => {
    const at = (bucket: number, requests: number): ArmTally => ({
      requests,
      failures: 0,
      latencies: Array.from({ length: CANARY_BUCKETS }, (_, i) => (i === bucket ? requests : 0)),
    });
    const state: CanaryState = { step: 0, stepSinceMs: 0, stepRequests: 0 };
    const first = decideCanary(SETTINGS, state, { canary: at(30, 50), stable: at(10, 100), nowMs: 1 });
    expect(first).toMatchObject({ kind: 'hold', state: { slow: { bucket: 10, canary: { requests: 50 } } } });
    const counted = { canary: addTally(at(30, 50), at(10, 40)), stable: addTally(at(10, 100), at(10, 1_000)), nowMs: 2 };
    // The 50 slow ones came before.
    expect(first.kind === 'hold' && decideCanary(SETTINGS, first.state, counted).kind).toBe('hold');
  });
});
