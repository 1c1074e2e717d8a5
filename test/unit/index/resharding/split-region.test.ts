import { expect, it } from 'vitest';
import type { CentroidRows, RoutedShard, RouteTable } from '../../../../src/index/routing/route-table.ts';
import { Router } from '../../../../src/index/routing/router.ts';
import { splitRegion, ownVectors } from '../../../../src/index/resharding/split-region.ts';
import type { Metric } from '../../../../src/contract/indexes/index-settings.ts';
import { Clusters } from '../../../support/fixtures/clusters.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import { tableAround } from '../../../../src/index/routing/shard-neighbours.ts';
import type { SlotRange } from '../../../../src/index/routing/slot-range.ts';
import { ALL_SLOTS, halvesOf } from '../../../../src/index/routing/slot-range.ts';

const DIMENSIONS = 12;
const COUNT = 1024;

/** Vectors of which a share is equal except for `noise`; the others are around some centres. */
function sample(equalShare: number, noise: number, seed: number): Float32Array {
  const random = new Seeded(seed);
  const clusters = new Clusters({ dimensions: DIMENSIONS, count: 9, spread: 0.5, seed });
  const equal = clusters.next();
  const values = new Float32Array(COUNT * DIMENSIONS);
  for (let i = 0; i < COUNT; i += 1) {
    const isEqual = random.next() < equalShare;
    values.set(isEqual ? equal.map((x) => x + noise * (random.next() - 0.5)) : clusters.next(), i * DIMENSIONS);
  }
  return values;
}

function splitOf(metric: Metric, values: Float32Array, seed: number): readonly [CentroidRows, CentroidRows] | undefined {
  const steps = splitRegion({ metric, dimensions: DIMENSIONS }, values, values, seed);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The share of the vectors that are nearer to the first half. */
function firstShare(metric: Metric, halves: readonly [CentroidRows, CentroidRows], values: Float32Array): number {
  const shards = halves.map((centroids, ordinal) => ({ ordinal, centroids, since: 0, state: { kind: 'serving' }, replicas: [] }) as const);
  const router = new Router({ metric, dimensions: DIMENSIONS, shards });
  let count = 0;
  for (let at = 0; at < values.length; at += DIMENSIONS) {
    count += Number(router.rankForPlacing(values.subarray(at, at + DIMENSIONS), 0)[0]!.ordinal === 0);
  }
  return (count * DIMENSIONS) / values.length;
}

const cases = (['cosine', 'l2', 'dot'] as const).flatMap((metric) => [1, 2, 3].map((seed) => [metric, seed] as const));

it.each(cases)('[RT18] %s: no half of a split is so small that it is merged again (seed %i)', (metric, seed) => {
  for (const equalShare of [0, 0.3, 0.5, 0.6, 0.75]) {
    const values = sample(equalShare, 0, seed);
    const halves = splitOf(metric, values, seed);
    expect(halves, `${equalShare} equal`).toBeDefined();
    const first = firstShare(metric, halves!, values);
    expect(Math.min(first, 1 - first), `${equalShare} equal`).toBeGreaterThan(1 / 6);
    if (equalShare === 0) expect(Math.abs(first - 0.5)).toBeLessThan(0.15);
  }
});

it.each(cases)('[RT16] %s: vectors that no centroids separate have no halves (seed %i)', (metric, seed) => {
  for (const [equalShare, noise] of [
    [1, 0],
    [1, 1e-7],
    [1, 1e-4],
    [0.95, 0],
  ] as const) {
    expect(splitOf(metric, sample(equalShare, noise, seed), seed), `${equalShare} equal but for ${noise}`).toBe(undefined);
  }
});

const [LOW, HIGH] = halvesOf(ALL_SLOTS);

const shard = (ordinal: number, x: number, slots?: SlotRange): RoutedShard => ({
  ordinal,
  since: 1,
  centroids: encodeCentroids(Float32Array.of(x, 0), 2),
  state: { kind: 'serving' },
  replicas: [],
  ...(slots === undefined ? {} : { slots }),
});

function own(ordinal: number, shards: readonly RoutedShard[], xs: readonly number[]): number[] {
  const table: RouteTable = { version: 1, metric: 'l2', dimensions: 2, shards, highest: 99, locators: 8, margin: 1.2 };
  const steps = ownVectors(tableAround(table, ordinal), ordinal, Float32Array.from(xs.flatMap((x) => [x, 0])));
  for (;;) {
    const step = steps.next();
    if (step.done === true) return [...step.value].filter((_, i) => i % 2 === 0);
  }
}

it('[RT20] spilled copies are left out for any number of shards; a single shard has none', () => {
  const far = Array.from({ length: 60 }, (_, i) => shard(10 + i, 100 + i));
  expect(own(1, [shard(0, 0), shard(1, 10), shard(2, 20), ...far], [4, 6, 10, 14, 16])).toEqual([6, 10, 14]);
  expect(own(0, [shard(0, 0)], [4, 600])).toEqual([4, 600]);
});

it('[RT20] a shard that shares its region considers only shards with the same slots', () => {
  expect(own(2, [shard(0, 10, LOW), shard(1, 20, LOW), shard(2, 10, HIGH), shard(3, 20, HIGH)], [10, 14, 16])).toEqual([10, 14]);
});
