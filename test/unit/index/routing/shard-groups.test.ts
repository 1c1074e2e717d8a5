import { describe, expect, it } from 'vitest';

import { encodeCentroids } from '../../../../src/index/routing/centroids.ts';
import type { GroupSizes } from '../../../../src/index/routing/shard-groups.ts';
import { GROUP_SIZES, membersOf, withGroups } from '../../../../src/index/routing/shard-groups.ts';
import { changed, withDrainEnded, withLocators } from '../../../../src/index/routing/route-changes.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { groupOf } from '../../../../src/index/routing/route-table.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

const SIZES: GroupSizes = { shardsMax: 6, shardsMin: 3 };

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

const numbersOf = (table: RouteTable) => (table.groups ?? []).map(({ number }) => number);
const groupsOf = (table: RouteTable) => [...membersOf(table)].map(([, shards]) => shards.map(({ ordinal }) => ordinal));

describe('[RT30] shard groups', () => {
  it('are one until it has too many shards, which are then divided among neighbours', () => {
    const whole = withGroups(undefined, line(6), SIZES);
    expect(groupsOf(whole)).toEqual([[0, 1, 2, 3, 4, 5]]);
    expect(whole.groups).toMatchObject([{ number: 0, since: 1 }]);
    expect(whole.groups?.[0]?.coarse.scales.length, 'an only group needs no summary').toBe(0);
    const cut = withGroups(undefined, line(7), SIZES);
    expect(
      groupsOf(cut)
        .map((group) => group.join())
        .toSorted(),
    ).toEqual(['0,1,2,3', '4,5,6'].toSorted());
    expect(cut.groups?.every(({ coarse }) => coarse.scales.length >= 3)).toBe(true);
  });

  it('get the shards split from their own, and join their nearest when they become small', () => {
    let table = withGroups(undefined, line(7), SIZES);
    const put = (next: RouteTable) => (table = withGroups(table, next, SIZES));
    put(changed(table, { kind: 'split', ordinal: 6, halves: [row(6), row(7)], margin: 1.1 }));
    expect(groupsOf(table).find((group) => group.includes(6))).toContain(7);
    const small = groupsOf(table).find((group) => group.includes(0))!;
    for (const ordinal of small.slice(0, 2)) {
      put(changed(table, { kind: 'merge', ordinal, into: [small[2]!] }));
      put(withDrainEnded(table, ordinal));
    }
    expect(groupsOf(table).map((group) => group.toSorted((a, b) => a - b))).toEqual([[2, 3, 4, 5, 6, 7]]);
    expect(table.groups?.map(({ coarse }) => coarse.scales.length)).toEqual([0]);
  });

  it('contain each shard once and have bounded sizes, for 4,096 shards at once or one by one', () => {
    const { table } = tableOfClusters(4_096, 40, 8, 3);
    const many = withGroups(undefined, table, GROUP_SIZES);
    const sizes = [...membersOf(many).values()].map((shards) => shards.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4_096);
    expect([Math.min(...sizes) >= GROUP_SIZES.shardsMin, Math.max(...sizes) <= GROUP_SIZES.shardsMax]).toEqual([true, true]);
    expect(numbersOf(many)).toEqual([...membersOf(many).keys()].toSorted((a, b) => a - b));
  });

  it('are also divided when all of their shards are equal', () => {
    const equal = line(40);
    const table = withGroups(undefined, { ...equal, shards: equal.shards.map((shard) => ({ ...shard, centroids: row(1) })) }, SIZES);
    expect(Math.max(...groupsOf(table).map((group) => group.length))).toBeLessThanOrEqual(SIZES.shardsMax);
  });
});

describe('[RT31] a shard group that a change does not touch', () => {
  it('keeps its version, whatever happens to others; a changed one gets the new version', () => {
    const before = withGroups(undefined, line(24), SIZES);
    const split = withGroups(before, changed(before, { kind: 'split', ordinal: 0, halves: [row(0), row(0.5)], margin: 1.1 }), SIZES);
    const touched = new Set(
      [...membersOf(split)].filter(([, shards]) => shards.some(({ ordinal }) => ordinal < 6 || ordinal === 24)).map(([number]) => number),
    );
    expect(touched.size).toBeLessThan(split.groups!.length - 1);
    for (const group of split.groups ?? []) {
      const same = before.groups?.find(({ number }) => number === group.number);
      if (!touched.has(group.number)) expect(group).toBe(same);
    }
    const halved = split.groups?.find(({ number }) => number === groupOf(split.shards[0]!));
    expect(halved?.since).toBe(split.version);
    // Ending a drain changes no region.
    const ended = withGroups(split, withDrainEnded(split, 0), SIZES);
    expect(ended.groups).toEqual(split.groups);
    // Neither does a new version of a shard with the same region.
    const renewed = ended.shards.map((shard) => (shard.ordinal === 20 ? { ...shard, since: 99, centroids: row(20) } : shard));
    expect(withGroups(ended, { ...ended, version: 99, shards: renewed }, SIZES).groups).toEqual(ended.groups);
    const moved = ended.shards.map((shard) => (shard.ordinal === 20 ? { ...shard, since: 99, centroids: row(20.5) } : shard));
    const own = withGroups(ended, { ...ended, version: 99, shards: moved }, SIZES);
    expect(own.groups?.find(({ number }) => number === groupOf(ended.shards[20]!))?.since).toBe(99);
    const given = withGroups(ended, changed(ended, { kind: 'merge', ordinal: 23, into: [22] }), SIZES);
    const lost = groupOf(ended.shards[23]!);
    expect(given.groups?.find(({ number }) => number === lost)?.since).toBe(given.version);
  });

  it('is added to a table stored without any at its next change', () => {
    const first = withLocators({ ...line(0), version: 0 });
    expect(first.groups).toBe(undefined);
    const old = { ...line(9), version: 41 };
    const next = withGroups(old, { ...old, version: 42 }, SIZES);
    expect(next.groups).toMatchObject([{ since: 42 }, { since: 42 }]);
    expect(withGroups(undefined, { ...line(0), version: 0 }, SIZES).groups).toBe(undefined);
  });
});
