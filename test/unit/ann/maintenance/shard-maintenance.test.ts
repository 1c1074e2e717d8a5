import { describe, expect, it, vi } from 'vitest';

import { encodeSettings, newSettings } from '../../../../src/ann/engine/list-settings.ts';
import { BLOCK_ENTRIES } from '../../../../src/ann/lists/block-layout.ts';
import { PAGE_BYTES } from '../../../../src/ann/page-memory.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { BulkWrites } from '../../../../src/ann/maintenance/bulk-writes.ts';
import { Encoder } from '../../../../src/ann/training/encoder.ts';
import { Clusters } from '../../../support/fixtures/clusters.ts';
import type { WorldVector } from '../../../support/worlds/shard-world.ts';
import { expectNothingLeaked, ShardWorld, SMALL_SIZES, smallFloor, value } from '../../../support/worlds/shard-world.ts';
import { readStoredLists } from '../../../support/oracles/stored-lists.ts';

const DIMENSIONS = 12;
const cosine = { metric: 'cosine', dimensions: DIMENSIONS } as const;

/** Settings under which a thousand matches would need the rescoring of millions of rows. */
const STEEPEST = { ...newSettings(1_000), calibratedCount: 1_000, usualLoss: 1, stop: 255, rescoreCount: 32, rescoreGrowth: 2.4 };

let serial = 0;
const vectorOf = (values: Float32Array): WorldVector => ({ namespace: '', id: `v${(serial += 1)}`, values, n: 0 });
const from = (source: Clusters, count: number): WorldVector[] => Array.from({ length: count }, () => vectorOf(source.next()));
const sourceOf = (seed: number, dimensions = DIMENSIONS) => new Clusters({ dimensions, count: 10, spread: 0.5, seed });

function entriesByList({ store }: ShardWorld): number[] {
  const { id } = store.lists.listSets().at(-1)!;
  return Array.from(store.lists.lists(id), ({ entryCount }) => entryCount);
}

describe('background work beside an import', () => {
  const sizes = { ...SMALL_SIZES, bulkRowsMin: 50 };

  it('[V196] waits until the import pauses, and for small writes not at all', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES, sizes), cosine);
    const source = sourceOf(3);
    world.upsert(from(source, 200));
    for (let batch = 0; batch < 4; batch += 1) {
      world.upsert(from(source, 50));
      expect(world.sweep()).toBe(world.nowMs + INDEX_LIMITS.bulkPauseMs);
      world.nowMs += INDEX_LIMITS.bulkPauseMs - 1;
      expect(world.sweep()).toBe(world.nowMs + 1);
      expect(world.store.lists.listSets()).toEqual([]);
    }
    world.nowMs += 1;
    world.settle();
    expect(entriesByList(world).reduce((sum, count) => sum + count, 0)).toBe(400);
    // Trained once, on all of it.
    expect(world.store.lists.listSets().map(({ id }) => id)).toEqual([1]);
    for (let write = 0; write < 30; write += 1) world.upsert(from(source, 1));
    expect(world.sweep(1)).toBe(world.nowMs);
  });

  it('[V196] begins once an import has paused, and after single writes when some more may have come', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES, sizes), cosine);
    const source = sourceOf(4);
    world.upsert(from(source, 200));
    expect(world.shard.sweepDelayMs(world.nowMs)).toBe(INDEX_LIMITS.bulkPauseMs);
    world.nowMs += INDEX_LIMITS.bulkPauseMs;
    expect(world.shard.sweepDelayMs(world.nowMs)).toBe(INDEX_LIMITS.shardSweepDelayMs);
    world.upsert(from(source, 1));
    expect(world.shard.sweepDelayMs(world.nowMs)).toBe(INDEX_LIMITS.shardSweepDelayMs);
  });

  it('[V196] does not wait for ever: beyond bulkUnlistedBytesMax it works beside the import', () => {
    const bulk = new BulkWrites(50, INDEX_LIMITS.bulkUnlistedBytesMax / 120);
    for (const rows of [50, 50]) {
      bulk.wrote(rows, 0);
      expect(bulk.waitUntilMs(10)).toBe(INDEX_LIMITS.bulkPauseMs);
    }
    bulk.wrote(50, 10);
    expect(bulk.waitUntilMs(20)).toBeUndefined();
    bulk.wrote(50, 10 + INDEX_LIMITS.bulkPauseMs);
    expect(bulk.waitUntilMs(300)).toBe(10 + 2 * INDEX_LIMITS.bulkPauseMs);
  });
});

describe('background work beside searches', () => {
  it('[V197] is cut into slices of a sixteenth of their usual size, until a second after the last search', () => {
    const floor = smallFloor(64 * PAGE_BYTES, { ...SMALL_SIZES, flushRowsMax: 1_000 });
    const world = new ShardWorld(floor, { metric: 'cosine', dimensions: 100 });
    const source = sourceOf(5, 100);
    world.upsert(from(source, 400));
    world.settle();
    /** How many rows each slice of a flush of 300 moves to lists at most. */
    const movedAtOnce = (): number => {
      world.upsert(from(source, 300));
      let [most, before] = [0, world.store.unlistedRows().size];
      world.sweep(1_000, () => {
        const { size } = world.store.unlistedRows();
        [most, before] = [Math.max(most, before - size), size];
      });
      expect(before).toBe(0);
      return most;
    };
    expect(movedAtOnce()).toBe(240);
    floor.pace.searched(world.nowMs);
    expect(movedAtOnce()).toBe(15);
    world.nowMs += INDEX_LIMITS.paceQuietMs + 1;
    expect(movedAtOnce()).toBe(240);
  });
});

describe('a flush', () => {
  /** The rows that are read while so many vectors are put into lists; `duringIt` happens once half of it is done. */
  function rowsRead(dimensions: number, count: number, duringIt: (world: ShardWorld) => void = () => {}): number {
    const world = new ShardWorld(smallFloor(512 * PAGE_BYTES, { ...SMALL_SIZES, flushRowsMax: 2_000 }), { metric: 'cosine', dimensions });
    const source = sourceOf(6, dimensions);
    world.upsert(from(source, 600));
    world.settle();
    world.upsert(from(source, count));
    const read = vi.spyOn(world.store, 'readRows');
    let isHalfDone = false;
    while (world.store.unlistedRows().size > 0) {
      world.sweep(1);
      if (isHalfDone || world.store.unlistedRows().size > count / 2) continue;
      isHalfDone = true;
      duringIt(world);
    }
    const rows = read.mock.calls.reduce((sum, [slice]) => sum + [...slice].length, 0);
    vi.restoreAllMocks();
    world.settle();
    world.expectExact({ values: source.next(), topK: 100, exact: true });
    return rows;
  }

  it('[V202] reads a vector once, and twice where there is no room to keep it between', () => {
    expect(rowsRead(16, 1_000)).toBe(1_000);
    // More than 4 MiB.
    expect(rowsRead(768, 1_400)).toBe(2_800);
  });

  it('[V202] of which rows are deleted meanwhile: they are not found', () => {
    const rows = rowsRead(16, 1_000, (world) => {
      const ids = [...world.vectors.values()].slice(200, 900).map(({ id }) => id);
      world.delete('', ids);
    });
    expect(rows).toBe(1_000);
  });
});

describe('splitting a list', () => {
  it('[V201] codes some entries at a time; all are in one list and found at any time', () => {
    const floor = smallFloor(64 * PAGE_BYTES);
    const world = new ShardWorld(floor, { metric: 'cosine', dimensions: 100 });
    const source = sourceOf(5, 100);
    world.upsert(from(source, 400));
    world.settle();
    const centre = source.next();
    const alike = () => vectorOf(centre.map((component) => component * (0.5 + source.random.next())));
    world.upsert(Array.from({ length: 200 }, alike));
    floor.pace.searched(world.nowMs);
    const encode = vi.spyOn(Encoder.prototype, 'encode');
    let longest = 0;
    const listsBefore = entriesByList(world).length;
    world.sweep(1_000, () => {
      longest = Math.max(longest, ...entriesByList(world));
      readStoredLists(world.store);
      world.expectExact({ values: centre, topK: 100, exact: true });
    });
    const moved = encode.mock.calls.map(([, rows]) => rows.length);
    vi.restoreAllMocks();
    // A sixteenth of a slice; of lists that move to another list set, with what shares a block with it.
    expect(Math.max(...moved)).toBeLessThan(15 + BLOCK_ENTRIES);
    expect(longest).toBeGreaterThan(15 + BLOCK_ENTRIES);
    world.settle();
    expect(entriesByList(world).length).toBeGreaterThan(listsBefore);
    expect(Math.max(...entriesByList(world))).toBeLessThanOrEqual(SMALL_SIZES.entriesMax);
  });
});

describe('background work ends', () => {
  it('[V124] when a list cannot be split because its vectors are equal', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    const source = sourceOf(1);
    world.upsert(from(source, 300));
    for (let round = 0; round < 3; round += 1) {
      const values = source.next();
      const near = values.map((component, i) => component + (i === round ? 0.05 : 0));
      world.upsert([...Array.from({ length: 70 }, () => vectorOf(values)), ...Array.from({ length: 3 }, () => vectorOf(near))]);
      world.settle();
      expect(Math.max(...entriesByList(world))).toBeGreaterThanOrEqual(70);
      // No work is due, now or later.
      expect(world.sweep(1)).toBeUndefined();
    }
    readStoredLists(world.store);
  });

  it('[V124] when almost all vectors were deleted: one list remains, without deleted entries', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    const source = sourceOf(2);
    world.upsert(from(source, 600));
    world.settle();
    expect(entriesByList(world).length).toBeGreaterThan(10);
    const ids = [...world.vectors.values()].map(({ id }) => id);
    world.delete('', ids.slice(2));
    world.settle();
    expect(entriesByList(world)).toEqual([2]);
    world.delete('', ids.slice(0, 2));
    world.settle();
    expect(entriesByList(world)).toEqual([0]);
    world.upsert(from(source, 400));
    world.settle();
    expect(entriesByList(world).length).toBeGreaterThan(5);
    world.expectExact({ values: source.next(), topK: 10 });
  });

  it('[V159] when vectors far from all lists get a list of their own, which others join', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), { metric: 'dot', dimensions: DIMENSIONS });
    const source = sourceOf(8);
    world.upsert(from(source, 600));
    world.settle();
    const long = source.next().map((component) => 50 * component);
    const strange = (i: number) => vectorOf(long.map((component) => component * (1 + i / 100)));
    /** The sizes of lists whose centroid is as long as these vectors. */
    const strangeLists = () => {
      const { id } = world.store.lists.listSets().at(-1)!;
      return [...world.store.lists.lists(id)].filter(({ centroid }) => 127 * centroid.scale > 20).map(({ entryCount }) => entryCount);
    };
    world.upsert([...from(source, 30), strange(0)]);
    world.settle();
    expect(strangeLists()).toEqual([1]);
    world.upsert([...from(source, 30), strange(1), strange(2)]);
    world.settle();
    // Lists otherwise have more entries.
    expect(strangeLists()).toEqual([3]);
    const query = { values: long, topK: 3 };
    expect(world.query(query).ids).toEqual(world.truth(query).map(({ id }) => id));
    const ids = [...world.vectors.values()].map(({ id }) => id);
    world.delete('', ids.slice(0, -5));
    world.settle();
    expect(entriesByList(world), 'few entries have few lists').toEqual([5]);
  });

  it('[V122] when vectors are replaced all the time: a training uses those that remain', () => {
    const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
    const source = sourceOf(3);
    world.upsert(from(source, 500));
    for (let slice = 0; world.store.lists.listSets().length === 0; slice += 1) {
      expect(slice).toBeLessThan(200);
      world.sweep(1);
      // The highest rows, which are read last.
      const replaced = [...world.vectors.values()].slice(-5);
      world.upsert(replaced.map(({ id }) => ({ ...vectorOf(source.next()), id })));
    }
    world.settle();
    world.expectExact({ values: source.next(), topK: 10 });
  });
});

it('[V125] the largest answers are searched as deeply as possible, even if they need more', () => {
  const world = new ShardWorld(smallFloor(128 * PAGE_BYTES), cosine);
  const source = sourceOf(4);
  world.upsert(from(source, 1_200));
  world.settle();
  const { id } = world.store.lists.listSets().at(-1)!;
  world.store.lists.setSettings(id, encodeSettings(STEEPEST));
  world.restart();
  const query = { values: source.next(), topK: 1_000 };
  expect(world.query(query).ids).toEqual(world.truth(query).map((match) => match.id));
});

describe('memory', () => {
  /** A shard with about a megabyte of lists, in an isolate with room for them. */
  function large(name: string, seed: number) {
    const world = new ShardWorld(smallFloor(128 * PAGE_BYTES), { metric: 'dot', dimensions: 512, recall: 0.99 }, name);
    const source = sourceOf(seed, 512);
    world.upsert(from(source, 900));
    world.settle();
    for (let i = 0; i < 2; i += 1) world.expectExact({ values: source.next(), topK: 5 });
    return { world, source, bytes: world.engine.bytes };
  }

  it('[V126] for only one and a half of two shards serves both: lists are evicted and read again', () => {
    const shards = [large('a', 1), large('b', 2)] as const;
    const bytesMax = Math.floor((1.5 * shards[0].bytes) / PAGE_BYTES) * PAGE_BYTES;
    const resources = smallFloor(bytesMax);
    for (const { world } of shards) world.restart(resources);
    const paged = [0, 0];
    for (let round = 0; round < 6; round += 1) {
      for (const [i, { world, source }] of shards.entries()) {
        const query = { values: source.next(), topK: 5 };
        paged[i]! += world.query(query).explanation?.listsPagedIn ?? 0;
        world.expectExact(query);
        expect(resources.memory.bytes).toBeLessThanOrEqual(bytesMax);
      }
    }
    expect(Math.min(...paged)).toBeGreaterThan(3);
    expectNothingLeaked(resources);
  });

  it('[V126] that is full has room for the working memory of the deepest search', () => {
    const shards = [large('a', 6), large('b', 7)] as const;
    const { store } = shards[0].world;
    store.lists.setSettings(store.lists.listSets()[0]!.id, encodeSettings(STEEPEST));
    const bytesMax = Math.floor((1.5 * shards[0].bytes) / PAGE_BYTES) * PAGE_BYTES;
    const resources = smallFloor(bytesMax);
    for (const { world } of shards) world.restart(resources);
    for (const { world, source } of [...shards, ...shards]) {
      world.expectExact({ values: source.next(), topK: 5 });
      const query = { values: source.next(), topK: 1_000 };
      expect(world.query(query).ids.length).toBe(900);
    }
    expect(bytesMax - resources.memory.bytes).toBeLessThan(bytesMax / 4);
    expectNothingLeaked(resources);
  });

  it('[V126] that is too small for a single shard still serves it: its lists evict one another', () => {
    const { world, source, bytes } = large('a', 3);
    const bytesMax = Math.floor((0.75 * bytes) / PAGE_BYTES) * PAGE_BYTES;
    const resources = smallFloor(bytesMax);
    world.restart(resources);
    for (let round = 0; round < 5; round += 1) {
      world.expectExact({ values: source.next(), topK: 10 });
      expect(resources.memory.bytes).toBeLessThanOrEqual(bytesMax);
      world.upsert(from(source, 15));
      world.settle();
      readStoredLists(world.store);
    }
    expect(world.stats().count).toBe(975);
    expectNothingLeaked(resources);
  });

  it('[V126] is released completely after loads, evictions, drops and replacements of shards', () => {
    const resources = smallFloor(48 * PAGE_BYTES);
    const world = new ShardWorld(resources, { metric: 'l2', dimensions: DIMENSIONS });
    const source = sourceOf(5);
    let before = 0;
    for (let cycle = 0; cycle < 50; cycle += 1) {
      world.upsert(from(source, 40));
      world.sweep(1 + ((cycle * 7) % 60));
      world.query({ values: source.next(), topK: 10 });
      if (cycle % 3 === 0) world.restart();
      else if (cycle % 3 === 1) world.engine.drop();
      else world.nowMs += 10_000;
      if (cycle % 10 === 9) {
        expectNothingLeaked(resources);
        if (before > 0) expect(resources.scanner.memory.bytes).toBeLessThanOrEqual(2 * before);
        before ||= resources.scanner.memory.bytes;
      }
    }
    expect(world.store.lists.listSets().length).toBeGreaterThan(0);
  });
});

it('[Q58] vectors wait for the posting lists once there are enough for lists, and until they are in one', () => {
  const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), cosine);
  const source = sourceOf(6);
  const progress = () => value(world.shard.progress({ indexId: world.identity.indexId }));
  world.upsert(from(source, SMALL_SIZES.listedCountMin(cosine.dimensions) - 1));
  expect(progress()).toEqual({ vectors: 199, waiting: 0 });
  world.upsert(from(source, 101));
  expect(progress()).toEqual({ vectors: 300, waiting: 300 });
  world.settle();
  expect(progress()).toEqual({ vectors: 300, waiting: 0 });
  world.upsert(from(source, 7));
  expect(progress()).toEqual({ vectors: 307, waiting: 7 });
});
