import { describe, expect, it } from 'vitest';

import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { expectNothingLeaked, ShardWorld, smallFloor } from '../../support/worlds/shard-world.ts';
import { readStoredLists } from '../../support/oracles/stored-lists.ts';

const DIMENSIONS = 10;
const COUNT = 420;

/** Ways to damage stored bytes. */
const HARM = {
  flipped: (bytes: Uint8Array, random: Seeded) => {
    const harmed = bytes.slice();
    const bit = Math.floor(random.next() * 8 * bytes.length);
    harmed[bit >> 3]! ^= 1 << (bit & 7);
    return harmed;
  },
  truncated: (bytes: Uint8Array, random: Seeded) => bytes.slice(0, Math.floor(random.next() * bytes.length)),
  extended: (bytes: Uint8Array) => Uint8Array.of(...bytes, 0),
  // The layout version is the lowest byte.
  ofAnotherVersion: (bytes: Uint8Array) => Uint8Array.of(bytes[0]! + 1, ...bytes.subarray(1)),
  emptied: () => new Uint8Array(),
};
const KINDS = Object.keys(HARM) as (keyof typeof HARM)[];

function shardOf(metric: (typeof METRICS)[number], seed: number) {
  const world = new ShardWorld(smallFloor(64 * 65_536), { metric, dimensions: DIMENSIONS });
  const source = new Clusters({ dimensions: DIMENSIONS, count: 8, spread: 0.5, seed });
  world.upsert(Array.from({ length: COUNT }, (_, i) => ({ namespace: '', id: `v${i}`, values: source.next(), n: i % 100 })));
  return { world, source };
}

/** Damages a random value of a column. */
function harm(world: ShardWorld, table: string, column: string, change: (before: Uint8Array) => Uint8Array | string, random: Seeded): void {
  const rows = world.sql.sql
    .exec<{ id: number; value: ArrayBuffer | string }>(`SELECT rowid AS id, ${column} AS value FROM ${table}`)
    .toArray();
  const { id, value } = rows[Math.floor(random.next() * rows.length)]!;
  const before = typeof value === 'string' ? new TextEncoder().encode(value) : new Uint8Array(value);
  world.sql.sql.exec(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`, change(before), id);
}

/** Expects exact queries to be right at once; returns the shard's state after background work. */
function healed(world: ShardWorld, source: Clusters, isQueriedFirst: boolean) {
  const queries = Array.from({ length: 30 }, () => ({ values: source.next(), topK: 10 }));
  const [first] = queries as [(typeof queries)[number]];
  world.restart();
  if (isQueriedFirst) {
    expect(world.query(first).ids.length).toBe(10);
    world.expectExact(first);
  }
  world.settle();
  // Meets damage that nothing has read yet.
  world.expectExact(first);
  world.settle();
  const { places, listSets } = readStoredLists(world.store);
  expect(world.recall(queries)).toBeGreaterThan(0.85);
  for (const query of queries.slice(0, 5)) world.expectExact(query);
  const engine = world.query(first).explanation?.engine;
  expectNothingLeaked(world.floor);
  return { engine, entries: places.size, listSets: listSets.length };
}

const WELL = { engine: 'lists', entries: COUNT, listSets: 1 };

describe('corrupted storage', () => {
  it.each(METRICS)('[V127] of lists, models and settings is detected, and the lists are rebuilt: %s', (metric) => {
    const random = new Seeded(127);
    const { world, source } = shardOf(metric, 1);
    world.settle();
    const before = world.store.lists.listSets()[0]!.id;
    let rebuilt = 0;
    for (let run = 0; run < effort(1); run += 1) {
      for (const kind of KINDS) {
        for (const [table, column] of [
          ['blocks', 'bytes'],
          ['generations', 'model'],
        ] as const) {
          harm(world, table, column, (bytes) => HARM[kind](bytes, random), random);
          expect(healed(world, source, random.next() < 0.5)).toEqual(WELL);
          rebuilt += 1;
        }
      }
    }
    expect(world.store.lists.listSets()[0]!.id - before, 'list sets since').toBe(rebuilt);
  });

  it.each([
    ['generations', 'settings', () => '{'],
    ['generations', 'settings', () => 'null'],
    ['generations', 'settings', () => '{"stop":1}'],
    ['lists', 'codes', (codes: Uint8Array) => codes.slice(1)],
    ['lists', 'codes', () => new Uint8Array()],
  ])('[V127] is detected in %s.%s', (table, column, change) => {
    const { world, source } = shardOf('cosine', 2);
    world.settle();
    for (const isQueriedFirst of [true, false]) {
      harm(world, table, column, change, new Seeded(3));
      expect(healed(world, source, isQueriedFirst)).toEqual(WELL);
    }
  });

  it.each([
    ['UPDATE lists SET entry_count = 0 WHERE key = (SELECT MIN(key) FROM lists)'],
    ['UPDATE lists SET entry_count = entry_count + 1 WHERE key = (SELECT MAX(key) FROM lists)'],
    ['UPDATE lists SET scale = -1 WHERE key = (SELECT MIN(key) FROM lists)'],
    ['DELETE FROM lists WHERE key = (SELECT MAX(key) FROM lists)'],
    ['DELETE FROM blocks WHERE key = (SELECT MIN(key) FROM blocks)'],
    ['DELETE FROM generations'],
  ])('[V127] is also detected if rows are missing or miscounted: %s', (statement) => {
    const { world, source } = shardOf('l2', 3);
    world.settle();
    world.sql.sql.exec(statement);
    expect(healed(world, source, true)).toEqual(WELL);
  });

  it('[V122] makes a training start again if its checkpoint is damaged', () => {
    const random = new Seeded(122);
    for (const kind of KINDS) {
      const { world, source } = shardOf('dot', 4);
      while (world.store.lists.checkpoint() === undefined) world.sweep(1);
      harm(world, 'checkpoint', 'bytes', (bytes) => HARM[kind](bytes, random), random);
      expect(healed(world, source, true)).toEqual(WELL);
    }
  });
});
