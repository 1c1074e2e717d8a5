import { expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroid-rows.ts';
import type { RoutedShard, ShardState } from '../../../../src/index/routing/route-table.ts';
import { RowWishes } from '../../../../src/index/resharding/row-wishes.ts';

const shard = (ordinal: number, x: number, y: number, state: ShardState = { kind: 'serving' }): RoutedShard => ({
  ordinal,
  since: 4,
  centroids: encodeCentroids(Float32Array.of(x, y), 2),
  state,
  replicas: [],
});

const SPACE = { metric: 'l2', dimensions: 2 } as const;
const wishes = (own: RoutedShard, ...others: RoutedShard[]) =>
  new RowWishes(own.ordinal, { since: 4, shards: [own, ...others], margin: 2 }, SPACE);
const at = (x: number, y: number) => Float32Array.of(x, y);

it('[RT2][RT7] a split shard keeps nearer rows, gives the rest to the other half and copies border rows', () => {
  const divided = wishes(shard(0, 0, 0, { kind: 'draining', into: [1] }), shard(1, 4, 0));
  expect(divided.of(at(0.5, 0), 0)).toBe(undefined);
  expect(divided.of(at(3.5, 0), 0)).toEqual({ to: [1], isNearer: true, isShared: false });
  expect(divided.of(at(1.9, 0.2), 0)).toEqual({ to: [1], isNearer: false, isShared: true });
  expect(divided.of(at(2.1, 0.2), 0)).toEqual({ to: [1], isNearer: true, isShared: true });
});

it('[RT7] a shard being merged gives each row to the nearest of its receivers', () => {
  const none = { ...shard(0, 0, 0, { kind: 'draining', into: [1, 2] }), centroids: encodeCentroids(new Float32Array(0), 2) };
  const given = wishes(none, shard(1, 4, 0), shard(2, 0, 4));
  expect(given.of(at(1, 0), 0)).toEqual({ to: [1], isNearer: true, isShared: false });
});

it('[RT21] a rebalancing shard sends a row to all its shards, and drops it unless it is one of them', () => {
  const tidied = wishes(shard(0, 0, 0, { kind: 'tidying', into: [1, 2] }), shard(1, 4, 0), shard(2, 0, 4));
  expect(tidied.of(at(0.5, 0), 0)).toBe(undefined);
  expect(tidied.of(at(1.9, 0.2), 0)).toEqual({ to: [1], isNearer: false, isShared: true });
  expect(tidied.of(at(0.2, 3.5), 0)).toEqual({ to: [2], isNearer: true, isShared: false });
  expect(tidied.of(at(2.3, 2.1), 0)).toEqual({ to: [1, 2], isNearer: true, isShared: false });
});

it('[RT21] a row stays while one of its shards may not receive it', () => {
  const tidied = wishes(shard(0, 0, 0, { kind: 'tidying', into: [1] }), shard(1, 4, 0), shard(2, 0, 4));
  expect(tidied.of(at(2.3, 2.1), 0)).toBe(undefined);
  expect(tidied.of(at(3.5, 0), 0)).toEqual({ to: [1], isNearer: true, isShared: false });
});
