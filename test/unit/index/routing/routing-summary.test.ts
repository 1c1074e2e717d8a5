import { describe, expect, it } from 'vitest';

import { withDistricts } from '../../../../src/index/routing/shard-groups.ts';
import { changed, withDrainEnded } from '../../../../src/index/routing/route-changes.ts';
import { completed, outlineOf, regionPage, RoutingChangeLog } from '../../../../src/index/routing/routing-summary.ts';
import type { RouteTable } from '../../../../src/index/routing/route-table.ts';
import { districtOf } from '../../../../src/index/routing/route-table.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import { value } from '../../../support/worlds/shard-world.ts';
import { tableOfClusters } from '../../../support/oracles/table-of-clusters.ts';

/** A quarter of the largest RPC reply. */
const REPLY_BYTES_MAX = 12 * 1024 * 1024;
const SIZES = { shardsMax: 8, shardsMin: 3 };

function districted(shardCount: number): RouteTable {
  return withDistricts(undefined, tableOfClusters(shardCount, 6, 4, 1).table, SIZES);
}

const bytesOf = (told: unknown): number =>
  JSON.stringify(told, (_, part: unknown) => (ArrayBuffer.isView(part) ? '#'.repeat(part.byteLength) : part)).length;

describe('[RT32] a router', () => {
  it('gets all shards without regions, and requests those by shard group: together they are the table', () => {
    const table = districted(50);
    const outline = outlineOf(table);
    expect(outline.shards.map(({ ordinal }) => ordinal)).toEqual(table.shards.map(({ ordinal }) => ordinal));
    expect(outline).toMatchObject({ version: 1, locators: 8, margin: 1.1, metric: 'l2' });
    expect('page' in outline).toBe(false);
    const pages = outline.districts.map(({ number, since }) => value(regionPage(table, number, since)));
    expect(pages.flatMap(({ ordinals }) => [...ordinals]).toSorted((a, b) => a - b)).toEqual(table.shards.map(({ ordinal }) => ordinal));
    for (const { district, ordinals, counts, centroids } of pages) {
      const members = table.shards.filter((shard) => districtOf(shard) === district);
      expect(ordinals).toEqual(members.map(({ ordinal }) => ordinal));
      expect(counts).toEqual(members.map(({ centroids: { scales } }) => scales.length));
      expect([...centroids.codes]).toEqual(members.flatMap((shard) => [...shard.centroids.codes]));
      expect([...centroids.scales]).toEqual(members.flatMap((shard) => [...shard.centroids.scales]));
    }
  });

  it('gets everything at once for an index of few shards', () => {
    const outline = outlineOf(districted(5));
    expect([outline.districts.length, outline.page?.ordinals]).toEqual([1, [0, 1, 2, 3, 4]]);
    const { table } = tableOfClusters(5, 2, 4, 1);
    expect(outlineOf(table).page?.ordinals, 'stored before there were districts').toEqual([0, 1, 2, 3, 4]);
    expect(outlineOf({ ...table, version: 0, shards: [] })).toMatchObject({ version: 0, districts: [], shards: [] });
  });

  it('knows a shard that is being merged, which belongs to no group', () => {
    const table = districted(30);
    const merged = withDistricts(table, changed(table, { kind: 'merge', ordinal: 7, into: [8] }), SIZES);
    const outline = outlineOf(merged);
    expect(outline.shards[7]).toMatchObject({ ordinal: 7, district: null, state: { kind: 'draining', into: [8] } });
    const pages = outline.districts.map(({ number, since }) => value(regionPage(merged, number, since)));
    expect(pages.some(({ ordinals }) => ordinals.includes(7))).toBe(false);
  });

  it('sees that a shard is being rebalanced, but not where its rows go', () => {
    const table = districted(30);
    const into = table.shards.map(({ ordinal }) => ordinal).filter((ordinal) => ordinal !== 7);
    const outline = outlineOf(withDistricts(table, changed(table, { kind: 'tidy', ordinal: 7, into }), SIZES));
    expect(outline.shards[7]).toMatchObject({ ordinal: 7, district: districtOf(table.shards[7]!), state: { kind: 'tidying', into: [] } });
  });

  it('is not sent again what it has from an older version', () => {
    const before = districted(50);
    const known = outlineOf(before);
    const { centroids } = before.shards[3]!;
    const split = { kind: 'split', ordinal: 3, halves: [centroids, centroids], margin: 1.3 } as const;
    const after = withDistricts(before, changed(before, split), SIZES);
    const told = outlineOf(after, known.version);
    const untold = told.districts.filter(({ coarse }) => coarse === undefined);
    expect(untold.length).toBeGreaterThan(told.districts.length / 2);
    expect(untold.length).toBeLessThan(told.districts.length);
    expect(completed(told, known)).toEqual(outlineOf(after));
    // With a single shard group, its regions are not sent again either.
    expect('page' in outlineOf(districted(5), 1)).toBe(false);
    expect(outlineOf(after, Infinity).districts.every(({ coarse }) => coarse === undefined)).toBe(true);
  });

  it('gets only the changed shards if the index still remembers its version', () => {
    const sent = new RoutingChangeLog();
    let table = districted(50);
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
      table = structuredClone(withDistricts(table, change(table), SIZES));
      const news = sent.summaryFor(table, known.version);
      expect(news.shards.length).toBeLessThan(SIZES.shardsMax + 3);
      known = completed(news, known);
      expect(known).toEqual(outlineOf(table));
    }
    expect(known.shards.some(({ ordinal }) => ordinal === 7)).toBe(false);
    for (let version = 100; version < 120; version += 1) sent.summaryFor({ ...table, version }, 0);
    expect(sent.summaryFor(table, known.version).gone, 'forgotten').toBe(undefined);
    expect(sent.summaryFor({ ...table, version: 130 }, 119).gone).toEqual([]);
  });

  it('gets `stale_route` for a shard group that has changed', () => {
    const table = districted(50);
    const { number, since } = table.districts![2]!;
    expect(regionPage(table, number, since).ok).toBe(true);
    expect(regionPage(table, number, since - 1)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
    expect(regionPage(table, 999, since)).toMatchObject({ ok: false, error: { code: 'stale_route' } });
  });

  it('gets replies of at most some megabytes, even for the most shards of the longest vectors', () => {
    const dimensions = LIMITS.dimensionsMaxCount;
    const shardCount = LIMITS.shardsPerIndexMaxCount;
    const eight = { codes: new Int8Array(8 * dimensions), scales: new Float32Array(8) };
    const sixteen = { codes: new Int8Array(16 * dimensions), scales: new Float32Array(16) };
    const size = LIMITS.districtShardsMaxCount;
    const shards = Array.from({ length: shardCount }, (_, ordinal) => ({
      ordinal,
      since: 1,
      centroids: eight,
      district: Math.floor((2 * ordinal) / size),
      state: { kind: 'serving' as const },
      replicas: [],
    }));
    const districts = Array.from({ length: (2 * shardCount) / size }, (_, number) => ({ number, since: 1, coarse: sixteen }));
    const table: RouteTable = { ...districted(1), dimensions, shards, districts };
    expect(bytesOf(outlineOf(table))).toBeLessThan(REPLY_BYTES_MAX);
    const full = { ...table, districts: districts.slice(0, 1), shards: shards.slice(0, size).map((shard) => ({ ...shard, district: 0 })) };
    expect(bytesOf(outlineOf(full))).toBeGreaterThan(size * eight.codes.length);
    expect(bytesOf(outlineOf(full))).toBeLessThan(REPLY_BYTES_MAX);
  });
});
