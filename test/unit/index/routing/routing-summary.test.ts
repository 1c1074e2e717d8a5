import { describe, expect, it } from 'vitest';

import { withGroups } from '../../../../src/index/routing/shard-groups.ts';
import { changed, withDrainEnded } from '../../../../src/index/routing/route-changes.ts';
import { completed, summaryOf, regionPage, RoutingChangeLog } from '../../../../src/index/routing/routing-summary.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { groupOf } from '../../../../src/index/routing/route-table.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { value } from '../../../support/worlds/shard-world.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

/** A quarter of the largest RPC reply. */
const REPLY_BYTES_MAX = 12 * 1024 * 1024;
const SIZES = { shardsMax: 8, shardsMin: 3 };

function grouped(shardCount: number): RouteTable {
  return withGroups(undefined, tableOfClusters(shardCount, 6, 4, 1).table, SIZES);
}

const bytesOf = (told: unknown): number =>
  JSON.stringify(told, (_, part: unknown) => (ArrayBuffer.isView(part) ? '#'.repeat(part.byteLength) : part)).length;

describe('[RT32] a router', () => {
  it('gets all shards without regions, and requests those by shard group: together they are the table', () => {
    const table = grouped(50);
    const summary = summaryOf(table);
    expect(summary.shards.map(({ ordinal }) => ordinal)).toEqual(table.shards.map(({ ordinal }) => ordinal));
    expect(summary).toMatchObject({ version: 1, locators: 8, margin: 1.1, metric: 'l2' });
    expect('page' in summary).toBe(false);
    const pages = summary.groups.map(({ number, since }) => value(regionPage(table, number, since)));
    expect(pages.flatMap(({ ordinals }) => [...ordinals]).toSorted((a, b) => a - b)).toEqual(table.shards.map(({ ordinal }) => ordinal));
    for (const { group, ordinals, counts, centroids } of pages) {
      const members = table.shards.filter((shard) => groupOf(shard) === group);
      expect(ordinals).toEqual(members.map(({ ordinal }) => ordinal));
      expect(counts).toEqual(members.map(({ centroids: { scales } }) => scales.length));
      expect([...centroids.codes]).toEqual(members.flatMap((shard) => [...shard.centroids.codes]));
      expect([...centroids.scales]).toEqual(members.flatMap((shard) => [...shard.centroids.scales]));
    }
  });

  it('gets everything at once for an index of few shards', () => {
    const summary = summaryOf(grouped(5));
    expect([summary.groups.length, summary.page?.ordinals]).toEqual([1, [0, 1, 2, 3, 4]]);
    const { table } = tableOfClusters(5, 2, 4, 1);
    expect(summaryOf(table).page?.ordinals, 'stored before there were groups').toEqual([0, 1, 2, 3, 4]);
    expect(summaryOf({ ...table, version: 0, shards: [] })).toMatchObject({ version: 0, groups: [], shards: [] });
  });

  it('knows a shard that is being merged, which belongs to no group', () => {
    const table = grouped(30);
    const merged = withGroups(table, changed(table, { kind: 'merge', ordinal: 7, into: [8] }), SIZES);
    const summary = summaryOf(merged);
    expect(summary.shards[7]).toMatchObject({ ordinal: 7, group: null, state: { kind: 'draining', into: [8] } });
    const pages = summary.groups.map(({ number, since }) => value(regionPage(merged, number, since)));
    expect(pages.some(({ ordinals }) => ordinals.includes(7))).toBe(false);
  });

  it('sees that a shard is being rebalanced, but not where its rows go', () => {
    const table = grouped(30);
    const into = table.shards.map(({ ordinal }) => ordinal).filter((ordinal) => ordinal !== 7);
    const summary = summaryOf(withGroups(table, changed(table, { kind: 'tidy', ordinal: 7, into }), SIZES));
    expect(summary.shards[7]).toMatchObject({ ordinal: 7, group: groupOf(table.shards[7]!), state: { kind: 'tidying', into: [] } });
  });

  it('is not sent again what it has from an older version', () => {
    const before = grouped(50);
    const known = summaryOf(before);
    const { centroids } = before.shards[3]!;
    const split = { kind: 'split', ordinal: 3, halves: [centroids, centroids], margin: 1.3 } as const;
    const after = withGroups(before, changed(before, split), SIZES);
    const told = summaryOf(after, known.version);
    const untold = told.groups.filter(({ coarse }) => coarse === undefined);
    expect(untold.length).toBeGreaterThan(told.groups.length / 2);
    expect(untold.length).toBeLessThan(told.groups.length);
    expect(completed(told, known)).toEqual(summaryOf(after));
    // With a single shard group, its regions are not sent again either.
    expect('page' in summaryOf(grouped(5), 1)).toBe(false);
    expect(summaryOf(after, Infinity).groups.every(({ coarse }) => coarse === undefined)).toBe(true);
  });

  it('gets only the changed shards if the index still remembers its version', () => {
    const sent = new RoutingChangeLog();
    let table = grouped(50);
    let known = completed(sent.summaryFor(table, 0), undefined);
    const { centroids } = table.shards[3]!;
    const changes: ((before: RouteTable) => RouteTable)[] = [
      (before) => changed(before, { kind: 'split', ordinal: 3, halves: [centroids, centroids], margin: 1.3 }),
      (before) => withDrainEnded(before, 3),
      (before) => changed(before, { kind: 'share', ordinal: 9 }),
      (before) => changed(before, { kind: 'merge', ordinal: 7, into: [8] }),
      (before) => withDrainEnded(before, 7),
      ({ shards, ...rest }) => ({
        ...rest,
        version: rest.version + 1,
        shards: shards.map((shard) => (shard.ordinal === 20 ? { ...shard, replicas: [{ replica: 1, location: null }] } : shard)),
      }),
    ];
    for (const change of changes) {
      // Storage returns new objects, so the code must not compare by identity.
      table = structuredClone(withGroups(table, change(table), SIZES));
      const news = sent.summaryFor(table, known.version);
      expect(news.shards.length).toBeLessThan(SIZES.shardsMax + 3);
      known = completed(news, known);
      expect(known).toEqual(summaryOf(table));
    }
    expect(known.shards.some(({ ordinal }) => ordinal === 7)).toBe(false);
    for (let version = 100; version < 120; version += 1) sent.summaryFor({ ...table, version }, 0);
    expect(sent.summaryFor(table, known.version).gone, 'forgotten').toBe(undefined);
    expect(sent.summaryFor({ ...table, version: 130 }, 119).gone).toEqual([]);
  });

  it('gets `stale_route` for a shard group that has changed', () => {
    const table = grouped(50);
    const { number, since } = table.groups![2]!;
    expect(regionPage(table, number, since).ok).toBe(true);
    expect(regionPage(table, number, since - 1)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
    expect(regionPage(table, 999, since)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
  });

  it('gets replies of at most some megabytes, even for the most shards of the longest vectors', () => {
    const dimensions = INDEX_LIMITS.dimensionsMaxCount;
    const shardCount = INDEX_LIMITS.shardsPerIndexMaxCount;
    const eight = { codes: new Int8Array(8 * dimensions), scales: new Float32Array(8) };
    const sixteen = { codes: new Int8Array(16 * dimensions), scales: new Float32Array(16) };
    const size = INDEX_LIMITS.groupShardsMaxCount;
    const shards = Array.from({ length: shardCount }, (_, ordinal) => ({
      ordinal,
      since: 1,
      centroids: eight,
      group: Math.floor((2 * ordinal) / size),
      state: { kind: 'serving' as const },
      replicas: [],
    }));
    const groups = Array.from({ length: (2 * shardCount) / size }, (_, number) => ({ number, since: 1, coarse: sixteen }));
    const table: RouteTable = { ...grouped(1), dimensions, shards, groups };
    expect(bytesOf(summaryOf(table))).toBeLessThan(REPLY_BYTES_MAX);
    const full = { ...table, groups: groups.slice(0, 1), shards: shards.slice(0, size).map((shard) => ({ ...shard, group: 0 })) };
    expect(bytesOf(summaryOf(full))).toBeGreaterThan(size * eight.codes.length);
    expect(bytesOf(summaryOf(full))).toBeLessThan(REPLY_BYTES_MAX);
  });
});
