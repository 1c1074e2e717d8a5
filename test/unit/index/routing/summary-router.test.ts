import { describe, expect, it } from 'vitest';

import type { GroupSizes } from '../../../../src/index/routing/shard-groups.ts';
import { GROUP_SIZES, membersOf, withGroups } from '../../../../src/index/routing/shard-groups.ts';
import { nearestShards, neighboursOf, tableAround } from '../../../../src/index/routing/shard-neighbours.ts';
import { placesOf } from '../../../../src/index/routing/places-of.ts';
import { Router } from '../../../../src/index/routing/router.ts';
import type { RoutedShard } from '../../../../src/index/routing/route-table.ts';
import { shardsMax } from '../../../../src/index/resharding/shard-budget.ts';
import { ALL_SLOTS, slotOf } from '../../../../src/index/routing/slot-range.ts';
import type { Metric } from '../../../../src/contract/indexes/index-settings.ts';
import { routesOfTable } from '../../../support/oracles/routes-of-table.ts';
import { value } from '../../../support/worlds/shard-world.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

const POINTS = 60;
const SMALL: GroupSizes = { shardsMax: 64, shardsMin: 16 };
const ordinals = (ranked: readonly { readonly ordinal: number }[]) => ranked.map(({ ordinal }) => ordinal);

/** An id whose slot is at least `slot`. */
const idFrom = (slot: number) => {
  for (let i = 0; ; i += 1) if (slotOf('', `id-${i}`) >= slot) return `id-${i}`;
};

const rowsOf = (points: readonly Float32Array[], ids = points.map((_, i) => `p${i}`)) => ({
  ids,
  namespaces: points.map(() => ''),
  values: Float32Array.from(points.flatMap((point) => [...point])),
});

describe('[RT34] ranking by a routing summary', () => {
  it.each<Metric>(['l2', 'cosine', 'dot'])('equals that of the whole table while it has few shards, by %s', async (metric) => {
    const { table, nextPoint } = tableOfClusters(30, 6, 5, 2, metric);
    const [routes, router] = [routesOfTable(withGroups(undefined, table, { shardsMax: 8, shardsMin: 3 })), new Router(table)];
    expect(routes.summary.groups.length).toBeGreaterThan(3);
    for (let i = 0; i < POINTS; i += 1) {
      const point = nextPoint();
      expect(value(await routes.rankForSearching(point))).toEqual(router.rankForSearching(point));
      const places = placesOf(router.placings(point, slotOf('', 'p0')), table.margin);
      expect(value(await routes.placesFor(rowsOf([point])))).toEqual([places]);
    }
  });

  it.each<Metric>(['l2', 'cosine', 'dot'])('finds nearly all of the nearest of thousands with few comparisons, by %s', async (metric) => {
    const { table, nextPoint } = tableOfClusters(3_000, 60, 16, 5, metric);
    const [routes, router] = [routesOfTable(withGroups(undefined, table, GROUP_SIZES)), new Router(table)];
    let [found, placed] = [0, 0];
    const points = Array.from({ length: POINTS }, nextPoint);
    const places = value(await routes.placesFor(rowsOf(points)));
    for (const [at, point] of points.entries()) {
      const ranked = value(await routes.rankForSearching(point));
      expect(ranked.length).toBeLessThan(table.shards.length / 10);
      const nearest = new Set(ordinals(router.rankForSearching(point)).slice(0, 16));
      found += ordinals(ranked.slice(0, 16)).filter((ordinal) => nearest.has(ordinal)).length / 16;
      const own = router.rankForPlacing(point, 0)[0]!.ordinal;
      placed += Number(places[at]![0] === own);
    }
    expect(found / POINTS).toBeGreaterThan(0.97);
    expect(placed / POINTS).toBeGreaterThan(0.95);
  });

  it('finds shards of each slot as if the others did not exist, at any distance', async () => {
    const { table, nextPoint } = tableOfClusters(2_000, 40, 8, 7);
    const last = table.shards.at(-1)!;
    const cut = ALL_SLOTS.to - 200;
    const shards = table.shards.map((shard): RoutedShard => ({
      ...shard,
      slots: shard === last ? { from: cut, to: ALL_SLOTS.to } : { from: 0, to: cut },
    }));
    const routes = routesOfTable(withGroups(undefined, { ...table, shards }, GROUP_SIZES));
    const [id, other] = [idFrom(cut), 'p1'];
    for (let i = 0; i < 20; i += 1) {
      const point = nextPoint();
      expect(ordinals(value(await routes.rankForSearching(point)))).toContain(last.ordinal);
      const [own, usual] = value(await routes.placesFor(rowsOf([point, point], [id, other])));
      expect(own).toEqual([last.ordinal]);
      expect(usual).not.toContain(last.ordinal);
    }
  });

  it('includes all shards that share a region, in whichever shard groups', async () => {
    const { table } = tableOfClusters(1, 1, 4, 1);
    const width = ALL_SLOTS.to / 256;
    const shards = Array.from({ length: 256 }, (_, ordinal): RoutedShard => ({
      ...table.shards[0]!,
      ordinal,
      slots: { from: ordinal * width, to: (ordinal + 1) * width },
    }));
    const routes = routesOfTable(withGroups(undefined, { ...table, shards }, { shardsMax: 8, shardsMin: 3 }));
    expect(value(await routes.rankForSearching(new Float32Array(4)))).toHaveLength(256);
  });
});

it('[RT35] vectors are assigned in any order, with the regions of few shard groups in memory', async () => {
  const { table, nextPoint } = tableOfClusters(2_000, 60, 8, 4);
  const grouped = withGroups(undefined, table, SMALL);
  const routes = routesOfTable(grouped);
  const points = Array.from({ length: 300 }, nextPoint);
  const ids = points.map((_, i) => `p${i}`);
  const together = value(await routes.placesFor(rowsOf(points, ids)));
  for (const [at, point] of points.entries()) expect(together[at]).toEqual(value(await routes.placesFor(rowsOf([point], [ids[at]!])))[0]);
  const calls: number[] = [];
  const counted = routesOfTable(grouped, (group) => void calls.push(group));
  await counted.placesFor(rowsOf(points, ids));
  expect(new Set(calls).size, 'all of them lie somewhere').toBeGreaterThan(20);
  expect(calls.length, 'each is asked for once').toBe(new Set(calls).size);
});

it('[RT37] a shard gets the nearest neighbours with its slots', () => {
  const { table } = tableOfClusters(1_000, 30, 8, 9);
  const grouped = withGroups(undefined, table, SMALL);
  for (const own of [0, 500, 999]) {
    const around = tableAround(grouped, own);
    expect(around.shards).toHaveLength(97);
    expect(ordinals(around.shards)).toContain(own);
    const all = ordinals(tableAround({ ...table, groups: undefined } as never, own).shards);
    expect(all.filter((ordinal) => ordinals(around.shards).includes(ordinal)).length).toBeGreaterThan(85);
  }
  expect(tableAround(grouped, 5_000).shards).toEqual([]);
  expect([...membersOf(grouped)].length, 'more than are looked into').toBeGreaterThan(12);
});

it('[RT37] the vectors of a shard being merged go to the nearest shard of all', () => {
  const { table } = tableOfClusters(1_000, 30, 8, 9);
  const grouped = withGroups(undefined, table, SMALL);
  for (const own of [1, 400, 900]) {
    const others = table.shards.filter(({ ordinal }) => ordinal !== own);
    expect(neighboursOf(grouped, own)).toEqual(nearestShards(table.shards[own]!, others, table).slice(0, 4));
  }
});

it('[RT32] an index has no more shards than its object can keep the regions of', () => {
  expect([shardsMax({ dimensions: 100 }), shardsMax({ dimensions: 2_048 })]).toEqual([4_096, 4_096]);
  expect(shardsMax({ dimensions: 4_096 })).toBe(2_048);
});
