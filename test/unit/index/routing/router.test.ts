import { describe, expect, it } from 'vitest';

import { shardName } from '../../../../src/index/index-manifest.ts';
import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import { shardBudget } from '../../../../src/index/resharding/shard-budget.ts';
import { locatorOf } from '../../../../src/index/locators/locator-of.ts';
import { placesOf } from '../../../../src/index/routing/places-of.ts';
import type { RoutedShard, RouteTable } from '../../../../src/index/routing/route-table.ts';
import { Router } from '../../../../src/index/routing/router.ts';
import type { Metric } from '../../../../src/contract/indexes/index-settings.ts';
import type { IndexId, TenantId } from '../../../../src/kernel/ids.ts';

const shard = (ordinal: number, ...centroids: number[][]): RoutedShard => ({
  ordinal,
  since: 1,
  centroids: encodeCentroids(Float32Array.from(centroids.flat()), 2),
  state: { kind: 'serving' },
  replicas: [],
});

const table = (metric: Metric, ...shards: RoutedShard[]): RouteTable => ({
  version: 1,
  metric,
  dimensions: 2,
  shards,
  highest: 7,
  locators: 8,
  margin: 1.2,
});

describe('Router', () => {
  it('[RT1] ranks shards by the nearest of their centroids', () => {
    const router = new Router(table('l2', shard(0, [0, 0], [10, 10]), shard(3, [4, 0]), shard(7)));
    const ranked = router.rankForPlacing(Float32Array.of(9, 9), 0);
    expect(ranked.map(({ ordinal }) => ordinal)).toEqual([0, 3]);
    expect(ranked[0]!.distance).toBeCloseTo(2, 0);
    expect(router.rankForSearching(Float32Array.of(3, 0))[0]).toMatchObject({ ordinal: 3 });
  });

  it('[RT1] compares directions for cosine, and inner products for dot', () => {
    expect(new Router(table('cosine', shard(0, [1, 0]), shard(1, [0, 1]))).rankForPlacing(Float32Array.of(100, 90), 0)[0]!.ordinal).toBe(0);
    const dot = new Router(table('dot', shard(0, [1, 0]), shard(1, [9, 0])));
    expect(dot.rankForPlacing(Float32Array.of(2, 0), 0)[0]!.ordinal).toBe(0);
    expect(dot.rankForSearching(Float32Array.of(2, 0))[0]!.ordinal).toBe(1);
  });
});

describe('shards of a vector [RT2]', () => {
  /** The nearest shard, and others with their distances from the vector and from the nearest shard's centroid. */
  const placings = (first: number, ...others: [distance: number, apart: number][]) => [
    { ordinal: 4, distance: first, apart: 0 },
    ...others.map(([distance, apart], i) => ({ ordinal: 10 + i, distance, apart })),
  ];

  it('are the nearest, and one more if the loss of a copy is within the spill threshold', () => {
    // Residuals at right angles: the loss of the copy is its distance.
    expect(placesOf(placings(1, [1.19, 2.19]), 0.2)).toEqual([4, 10]);
    expect(placesOf(placings(1, [1.21, 2.21]), 0.2)).toEqual([4]);
    expect(placesOf(placings(1), 9)).toEqual([4]);
    expect(placesOf([], 9)).toEqual([]);
  });

  it('include rather a shard on the other side of the vector than a nearer one on the same side', () => {
    // One shard with the same residual, and one with a residual at a right angle.
    expect(placesOf(placings(1, [1, 0], [1.5, 2.5]), 0.6)).toEqual([4, 11]);
    // An opposite residual is as good as one at a right angle.
    expect(placesOf(placings(1, [1.5, 2.5], [1.4, 4.7]), 0.6)).toEqual([4, 11]);
  });

  it('depend on the distances between the centroids nearest to the vector', () => {
    const router = new Router(table('l2', shard(0, [0, 0], [50, 50]), shard(1, [2, 0], [90, 90])));
    const [own, other] = router.placings(Float32Array.of(0.5, 1), 0);
    expect(own).toMatchObject({ ordinal: 0, apart: 0 });
    expect(other!.apart).toBeCloseTo(4, 0);
  });
});

it('[RT3] ids are distributed evenly over the locators, and namespaces are separate', () => {
  const counts = Array.from({ length: 8 }, () => 0);
  for (let i = 0; i < 8000; i += 1) counts[locatorOf(i % 2 === 0 ? 'a' : '', `id-${i}`, 8)]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(850);
  expect(Math.max(...counts)).toBeLessThan(1150);
});

it('[RT4] the first shard keeps the name of a single shard; others get their ordinal', () => {
  const manifest = { tenantId: 'tn_a' as TenantId, id: 'ix_b' as IndexId };
  expect([0, 1, 12].map((ordinal) => shardName(manifest, ordinal))).toEqual(['tn_a:ix_b', 'tn_a:ix_b:1', 'tn_a:ix_b:12']);
});

it('[RT5] a shard is split at half of its capacity, or earlier if its index says so', () => {
  expect(shardBudget({ dimensions: 100 })).toBeGreaterThan(150_000);
  expect(shardBudget({ dimensions: 100, shardVectorsMax: 1e9 })).toBe(shardBudget({ dimensions: 100 }));
  expect(shardBudget({ dimensions: 100, shardVectorsMax: 64 })).toBe(64);
});
