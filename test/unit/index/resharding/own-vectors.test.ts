import { expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroid-rows.ts';
import { ownVectors } from '../../../../src/index/resharding/own-vectors.ts';
import type { RoutedShard, RouteTable } from '../../../../src/index/routing/route-table.ts';
import { tableAround } from '../../../../src/index/routing/table-around.ts';
import type { SlotRange } from '../../../../src/index/routing/slot-range.ts';
import { ALL_SLOTS, halvesOf } from '../../../../src/index/routing/slot-range.ts';

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
