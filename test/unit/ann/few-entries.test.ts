import { expect, it } from 'vitest';

import { encodeSettings } from '../../../src/ann/engine/list-settings.ts';
import { PAGE_BYTES } from '../../../src/ann/page-memory.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { SMALL_SIZES, ShardWorld, smallFloor } from '../../support/worlds/shard-world.ts';

const DIMENSIONS = 8;
const COUNT = 1_500;

it('[V212] lists of few entries are searched exactly, those of as many as are worth it by probing', () => {
  const rng = new Seeded(3);
  const next = () => Float32Array.from({ length: DIMENSIONS }, () => 2 * rng.next() - 1);
  const world = new ShardWorld(smallFloor(64 * PAGE_BYTES), { metric: 'cosine', dimensions: DIMENSIONS });
  world.upsert(Array.from({ length: COUNT }, (_, i) => ({ namespace: '', id: `v${i}`, values: next(), n: i })));
  world.settle();
  const { id } = world.store.lists.listSets().at(-1)!;
  // A depth that misses most neighbours.
  const shallow = { stop: 0, stopsByReach: false, rescoreCount: 8, rescoreGrowth: 0, isExact: false };
  const counts = { trainedCount: COUNT, calibratedCount: COUNT, usualLoss: 0, encodedCount: 0, encodedLoss: 0 };
  world.store.lists.setSettings(id, encodeSettings({ ...shallow, ...counts }));
  const queries = Array.from({ length: 8 }, () => ({ values: next(), topK: 10 }));
  const searched = (listedCountMin: number) => {
    world.restart(smallFloor(64 * PAGE_BYTES, { ...SMALL_SIZES, listedCountMin: () => listedCountMin }));
    return queries.map((query) => world.query(query).explanation?.rescored ?? 0);
  };
  expect(searched(COUNT + 1)).toEqual(queries.map(() => COUNT));
  expect(world.recall(queries)).toBe(1);
  expect(Math.max(...searched(COUNT))).toBeLessThan(COUNT / 4);
  expect(world.recall(queries)).toBeLessThan(0.9);
});
