import { describe, expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import type { DistrictSizes } from '../../../../src/index/routing/shard-groups.ts';
import { DISTRICT_SIZES, membersOf, withDistricts } from '../../../../src/index/routing/shard-groups.ts';
import { changed, withDrainEnded, withLocators } from '../../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { districtOf } from '../../../../src/index/routing/route-table.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

const SIZES: DistrictSizes = { shardsMax: 6, shardsMin: 3 };

/** A centroid on a line; each shard is at its ordinal. */
const row = (x: number) => encodeCentroids(Float32Array.of(x, 0), 2);
const line = (count: number): RouteTable => ({
  version: 1,
  metric: 'l2',
  dimensions: 2,
  shards: Array.from({ length: count }, (_, ordinal) => ({
    ordinal,
    since: 1,
    centroids: row(ordinal),
    state: { kind: 'serving' },
    replicas: [],
  })),
  highest: count - 1,
  locators: 8,
  margin: 1.1,
});

const numbersOf = (table: RouteTable) => (table.districts ?? []).map(({ number }) => number);
const groupsOf = (table: RouteTable) => [...membersOf(table)].map(([, shards]) => shards.map(({ ordinal }) => ordinal));

describe('[RT30] shard groups', () => {
  it('are one until it has too many shards, which are then divided among neighbours', () => {
    const whole = withDistricts(undefined, line(6), SIZES);
    expect(groupsOf(whole)).toEqual([[0, 1, 2, 3, 4, 5]]);
    expect(whole.districts).toMatchObject([{ number: 0, since: 1 }]);
    expect(whole.districts?.[0]?.coarse.scales.length, 'an only district needs no outline').toBe(0);
    const cut = withDistricts(undefined, line(7), SIZES);
    expect(
      groupsOf(cut)
        .map((group) => group.join())
        .toSorted(),
    ).toEqual(['0,1,2,3', '4,5,6'].toSorted());
    expect(cut.districts?.every(({ coarse }) => coarse.scales.length >= 3)).toBe(true);
  });

  it('get the shards split from their own, and join their nearest when they become small', () => {
    let table = withDistricts(undefined, line(7), SIZES);
    const put = (next: RouteTable) => (table = withDistricts(table, next, SIZES));
    put(changed(table, { kind: 'split', ordinal: 6, halves: [row(6), row(7)], margin: 1.1 }));
    expect(groupsOf(table).find((group) => group.includes(6))).toContain(7);
    const small = groupsOf(table).find((group) => group.includes(0))!;
    for (const ordinal of small.slice(0, 2)) {
      put(changed(table, { kind: 'merge', ordinal, into: [small[2]!] }));
      put(withDrainEnded(table, ordinal));
    }
    expect(groupsOf(table).map((group) => group.toSorted((a, b) => a - b))).toEqual([[2, 3, 4, 5, 6, 7]]);
    expect(table.districts?.map(({ coarse }) => coarse.scales.length)).toEqual([0]);
  });

  it('contain each shard once and have bounded sizes, for 4,096 shards at once or one by one', () => {
    const { table } = tableOfClusters(4_096, 40, 8, 3);
    const many = withDistricts(undefined, table, DISTRICT_SIZES);
    const sizes = [...membersOf(many).values()].map((shards) => shards.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4_096);
    expect([Math.min(...sizes) >= DISTRICT_SIZES.shardsMin, Math.max(...sizes) <= DISTRICT_SIZES.shardsMax]).toEqual([true, true]);
    expect(numbersOf(many)).toEqual([...membersOf(many).keys()].toSorted((a, b) => a - b));
  });

  it('are also divided when all of their shards are equal', () => {
    const equal = line(40);
    const table = withDistricts(undefined, { ...equal, shards: equal.shards.map((shard) => ({ ...shard, centroids: row(1) })) }, SIZES);
    expect(Math.max(...groupsOf(table).map((group) => group.length))).toBeLessThanOrEqual(SIZES.shardsMax);
  });
});

describe('[RT31] a shard group that a change does not touch', () => {
  it('keeps its version, whatever happens to others; a changed one gets the new version', () => {
    const before = withDistricts(undefined, line(24), SIZES);
    const split = withDistricts(before, changed(before, { kind: 'split', ordinal: 0, halves: [row(0), row(0.5)], margin: 1.1 }), SIZES);
    const touched = new Set(
      [...membersOf(split)].filter(([, shards]) => shards.some(({ ordinal }) => ordinal < 6 || ordinal === 24)).map(([number]) => number),
    );
    expect(touched.size).toBeLessThan(split.districts!.length - 1);
    for (const district of split.districts ?? []) {
      const same = before.districts?.find(({ number }) => number === district.number);
      if (!touched.has(district.number)) expect(district).toBe(same);
    }
    const halved = split.districts?.find(({ number }) => number === districtOf(split.shards[0]!));
    expect(halved?.since).toBe(split.version);
    // Ending a drain changes no region.
    const ended = withDistricts(split, withDrainEnded(split, 0), SIZES);
    expect(ended.districts).toEqual(split.districts);
    // Neither does a new version of a shard with the same region.
    const renewed = ended.shards.map((shard) => (shard.ordinal === 20 ? { ...shard, since: 99, centroids: row(20) } : shard));
    expect(withDistricts(ended, { ...ended, version: 99, shards: renewed }, SIZES).districts).toEqual(ended.districts);
    const moved = ended.shards.map((shard) => (shard.ordinal === 20 ? { ...shard, since: 99, centroids: row(20.5) } : shard));
    const own = withDistricts(ended, { ...ended, version: 99, shards: moved }, SIZES);
    expect(own.districts?.find(({ number }) => number === districtOf(ended.shards[20]!))?.since).toBe(99);
    const given = withDistricts(ended, changed(ended, { kind: 'merge', ordinal: 23, into: [22] }), SIZES);
    const lost = districtOf(ended.shards[23]!);
    expect(given.districts?.find(({ number }) => number === lost)?.since).toBe(given.version);
  });

  it('is added to a table stored without any at its next change', () => {
    const first = withLocators({ ...line(0), version: 0 });
    expect(first.districts).toBe(undefined);
    const old = { ...line(9), version: 41 };
    const next = withDistricts(old, { ...old, version: 42 }, SIZES);
    expect(next.districts).toMatchObject([{ since: 42 }, { since: 42 }]);
    expect(withDistricts(undefined, { ...line(0), version: 0 }, SIZES).districts).toBe(undefined);
  });
});
