import { describe, expect, it } from 'vitest';

import { LoadMeter } from '../../../../src/index/replicas/load-meter.ts';
import { decideReplicas, NO_PRESSURE } from '../../../../src/index/replicas/replica-policy.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

const EVERY_MS = 1_000;

/** Decides once a second and applies each decision at once; returns the changes with their times. */
function live(seconds: number, loadAt: (second: number) => { exclusive: number; sharable: number }, replicas = 0) {
  const changes: { second: number; kind: string; replicas: number }[] = [];
  let pressure = NO_PRESSURE;
  for (let second = 0; second < seconds; second += 1) {
    const decision = decideReplicas(loadAt(second), replicas, pressure, second * EVERY_MS);
    ({ pressure } = decision);
    if (decision.kind === 'keep') continue;
    replicas += decision.kind === 'add' ? 1 : -1;
    changes.push({ second, kind: decision.kind, replicas });
  }
  return { changes, replicas };
}

describe('decideReplicas', () => {
  it('[F23] gives a busy shard the replicas it needs, one by one, and removes them when cold for long', () => {
    const { changes, replicas } = live(400, (second) => ({ exclusive: 0.05, sharable: second < 100 ? 2.2 : 0.1 }));
    const added = changes.filter(({ kind }) => kind === 'add');
    const retired = changes.find(({ kind }) => kind === 'retire');
    // 0.05 + 2.2 / 5 is the first load below 0.6.
    expect(added.map((change) => change.replicas)).toEqual([1, 2, 3, 4].slice(0, added.length));
    expect(0.05 + 2.2 / (added.length + 1)).toBeLessThanOrEqual(INDEX_LIMITS.replicaAddLoad);
    expect(0.05 + 2.2 / added.length).toBeGreaterThan(INDEX_LIMITS.replicaAddLoad);
    expect(added.at(-1)!.second).toBeLessThan(30);
    expect(retired!.second).toBeGreaterThanOrEqual(100 + INDEX_LIMITS.replicaRetireAfterMs / 1_000);
    expect(replicas).toBe(0);
  });

  it('[F23] makes none for load that a replica cannot take, for a moment of load, or beyond the limit', () => {
    expect(live(100, () => ({ exclusive: 3, sharable: 0.04 })).changes).toEqual([]);
    expect(live(100, (second) => ({ exclusive: 0, sharable: second % 10 < 3 ? 5 : 0.5 })).changes).toEqual([]);
    expect(live(1_000, () => ({ exclusive: 0, sharable: 50 })).replicas).toBe(INDEX_LIMITS.replicasMaxCount);
  });

  it('[F24] causes few changes if the load varies around a threshold', () => {
    const random = new Seeded(24);
    const noisy = (mean: number) => () => ({ exclusive: 0, sharable: mean * (0.7 + 0.6 * random.next()) });
    // At any mean load, an hour of noise causes few changes.
    for (const mean of [0.25, 0.3, 0.35, 0.55, 0.6, 0.65, 0.9, 1.2, 1.25]) {
      expect(live(3_600, noisy(mean)).changes.length, `around ${mean}`).toBeLessThanOrEqual(3);
    }
    // A load that crosses both thresholds causes each change exactly once.
    const wave = live(1_200, (second) => ({ exclusive: 0, sharable: Math.floor(second / 300) % 2 === 0 ? 1 : 0.1 }));
    expect(wave.changes.map(({ kind }) => kind)).toEqual(['add', 'retire', 'add', 'retire']);
  });
});

describe('LoadMeter', () => {
  it('[F25] returns the recent share of time that calls kept it busy', () => {
    const meter = new LoadMeter();
    for (let ms = 0; ms < 60_000; ms += 20) meter.record('sharable', 8, ms);
    const { exclusive, sharable } = meter.load(60_000);
    expect(exclusive).toBe(0);
    expect(sharable).toBeGreaterThan(0.37);
    expect(sharable).toBeLessThan(0.42);
    expect(meter.load(60_000 + INDEX_LIMITS.loadHalfLifeMs).sharable).toBeCloseTo(sharable / 2, 9);
  });

  it('[F25] counts a call that takes no time as one of the requests that an object can take', () => {
    const meter = new LoadMeter();
    for (let ms = 0; ms < 60_000; ms += 2) meter.record('exclusive', 0, ms);
    expect(meter.load(60_000).exclusive).toBeCloseTo(0.5, 1);
  });
});
