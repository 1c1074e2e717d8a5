import { describe, expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import { locatorOf } from '../../../../src/index/locators/locator-of.ts';
import { neighboursOf } from '../../../../src/index/routing/shard-neighbours.ts';
import { PROBE_REACH, probesOf } from '../../../../src/index/routing/probe-plan.ts';
import { changed, withDrainEnded } from '../../../../src/index/routing/route-changes.ts';
import type { RoutedShard, RouteTable } from '../../../../src/index/routing/route-table.ts';
import { slotsOf } from '../../../../src/index/routing/route-table.ts';
import { Router } from '../../../../src/index/routing/router.ts';
import type { SlotRange } from '../../../../src/index/routing/slot-range.ts';
import { ALL_SLOTS, halvesOf, holdsSlot, slotOf } from '../../../../src/index/routing/slot-range.ts';

const [LOW, HIGH] = halvesOf(ALL_SLOTS);

const shard = (ordinal: number, x: number, slots?: SlotRange): RoutedShard => ({
  ordinal,
  since: 1,
  centroids: encodeCentroids(Float32Array.of(x, 0), 2),
  state: { kind: 'serving' },
  replicas: [],
  ...(slots === undefined ? {} : { slots }),
});

const table = (...shards: RoutedShard[]): RouteTable => ({
  version: 1,
  metric: 'l2',
  dimensions: 2,
  shards,
  highest: Math.max(...shards.map(({ ordinal }) => ordinal)),
  locators: 8,
  margin: 1.2,
});

const ordinals = (shards: readonly { readonly ordinal: number }[]): number[] => shards.map(({ ordinal }) => ordinal);

it('[RT16] ids of each locator are distributed evenly over quarters of the slots', () => {
  const parts = halvesOf(ALL_SLOTS).flatMap(halvesOf);
  const counts = parts.map(() => Array.from({ length: 8 }, () => 0));
  for (let i = 0; i < 32_000; i += 1) {
    const part = parts.findIndex((slots) => holdsSlot(slots, slotOf('', `id-${i}`)));
    counts[part]![locatorOf('', `id-${i}`, 8)]! += 1;
  }
  expect(Math.min(...counts.flat())).toBeGreaterThan(850);
  expect(Math.max(...counts.flat())).toBeLessThan(1150);
});

describe('a shard that shares its region', () => {
  it('[RT16] keeps the first half of its ids; the new one has the same region for the second', () => {
    const shared = changed(table(shard(0, 1), shard(1, 9)), { kind: 'share', ordinal: 0 });
    expect(shared).toMatchObject({ version: 2, highest: 2, margin: 1.2 });
    expect(shared.shards.map(({ ordinal, state, since }) => [ordinal, state.kind, since])).toEqual([
      [0, 'draining', 2],
      [1, 'serving', 1],
      [2, 'serving', 2],
    ]);
    expect(shared.shards.map(slotsOf)).toEqual([LOW, ALL_SLOTS, HIGH]);
    expect(shared.shards[2]!.centroids).toEqual(shared.shards[0]!.centroids);
    const again = changed(withDrainEnded(shared, 0), { kind: 'share', ordinal: 2 });
    expect(again.shards.map(slotsOf)).toEqual([LOW, ALL_SLOTS, ...halvesOf(HIGH)]);
  });

  it('[RT16] gets the vectors of its ids, and no others', () => {
    const router = new Router(table(shard(0, 1, LOW), shard(1, 9), shard(2, 1, HIGH)));
    expect(ordinals(router.rankForPlacing(Float32Array.of(1, 0), LOW.from))).toEqual([0, 1]);
    expect(ordinals(router.rankForPlacing(Float32Array.of(1, 0), HIGH.from))).toEqual([2, 1]);
    expect(ordinals(router.rankForSearching(Float32Array.of(1, 0)))).toEqual([0, 2, 1]);
  });

  it('[RT18] merges into the shard with its region, even if others are as near, and waits if it is busy', () => {
    const shards = [shard(0, 1, LOW), shard(1, 1.01), shard(2, 1, HIGH)];
    expect(neighboursOf(table(...shards), 2)).toEqual([0]);
    const merged = changed(table(...shards), { kind: 'merge', ordinal: 2, into: [0] });
    expect(merged.shards.map(slotsOf)).toEqual([ALL_SLOTS, ALL_SLOTS, HIGH]);
    const busy = { ...shards[0]!, state: { kind: 'draining', into: [7] } } as const;
    expect(neighboursOf(table(busy, shards[1]!, shards[2]!), 2)).toEqual([]);
  });

  it('[RT18] gives its rows to the nearest shards with its slots, or else to the nearest others', () => {
    const shards = [shard(0, 1, LOW), shard(1, 3, HIGH), shard(2, 4, HIGH)];
    expect(neighboursOf(table(...shards, shard(3, 8)), 1)).toEqual([2, 3]);
    expect(neighboursOf(table(...shards), 0)).toEqual([1]);
    expect(changed(table(...shards), { kind: 'merge', ordinal: 0, into: [1] }).shards.map(slotsOf)).toEqual([LOW, ALL_SLOTS, HIGH]);
  });
});

it('[RT17] is ranked for each slot as if there were no others', () => {
  const near = halvesOf(ALL_SLOTS).flatMap(halvesOf);
  const far = Array.from({ length: 8 }, (_, i) => shard(20 + i, 50 + i));
  // Shard 9 is older than those of its region with other slots: its centroid is farther away.
  const shards = [...near.slice(1).map((slots, i) => shard(i, 1, slots)), shard(9, 4, near[0]), ...far];
  const ranked = new Router(table(...shards)).rankForSearching(Float32Array.of(1.1, 0));
  expect(ordinals(probesOf(ranked, PROBE_REACH))).toEqual([0, 1, 2, 9, 20, 21]);
  expect(ordinals(probesOf(ranked, PROBE_REACH, 1))).toEqual([0, 1, 2, 9]);
  const whole = new Router(table(...far)).rankForSearching(Float32Array.of(50, 0));
  expect(ordinals(probesOf(whole, PROBE_REACH))).toEqual([20, 21, 22]);
});
