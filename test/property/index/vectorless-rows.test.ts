import { expect, it } from 'vitest';

import { slotsOf } from '../../../src/index/routing/route-table.ts';
import { ALL_SLOTS, holdsSlot, slotOf } from '../../../src/index/routing/slot-range.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { expectTidy } from '../../support/worlds/growth-census.ts';
import { GrowthClients } from '../../support/worlds/growth-clients.ts';
import { GROWTH_FIELDS } from '../../support/worlds/growth-legs.ts';
import { growthManifest } from '../../support/worlds/growth-manifest.ts';
import { GrowthWorld } from '../../support/worlds/growth-world.ts';
import type { Faults } from '../../support/worlds/object-network.ts';
import { NO_FAULTS } from '../../support/worlds/object-network.ts';

const BUDGET = 40;
const FAULTS: Faults = { killChance: 0.004, repeatChance: 0.02, delayMsMax: 20, repeatMsMax: 3_000 };

type Rows = { readonly name: string; readonly id: string; readonly bytes: number };

const rowsOf = (world: GrowthWorld, ordinal: number): Rows[] =>
  world
    .sqlOf(`shard:${ordinal}`)!
    .sql.exec<Rows>('SELECT name, id, length(floats) AS bytes FROM vectors JOIN namespaces ON ordinal = vectors.namespace')
    .toArray();

/** Grows under faults, and comes to rest. */
async function grown(world: GrowthWorld, vectorlessChance: number, seed: number): Promise<GrowthClients> {
  await world.during(world.create());
  const clients = new GrowthClients(world, { clients: 4, idsEach: 80, deleteChance: 0.1, pauseMsMax: 120, vectorlessChance }, seed);
  world.heat.of = (shard) => ((Math.floor(world.nowMs / 90_000) + shard) % 3 === 0 ? 0.05 : 1.4);
  await world.during(clients.settleDown(60));
  world.faults = FAULTS;
  await world.during(clients.work(250));
  world.killAll();
  world.faults = NO_FAULTS;
  await world.rest(10 * INDEX_LIMITS.tidyCalmMs);
  expectTidy(world);
  await world.during(clients.expectExactly());
  expect(clients.counts.legs).toBeGreaterThan(100);
  return clients;
}

it.each(seeds(1))('[TX208] an index without vectors is divided by ids, halves and all, under faults (seed %i)', async (seed) => {
  const world = new GrowthWorld(growthManifest(BUDGET, GROWTH_FIELDS, 0), seed, NO_FAULTS);
  const clients = await grown(world, 1, seed);
  const shards = world.table!.shards;
  expect(shards.length).toBeGreaterThan(3);
  // Each slot has one shard, and each id one row, where its slot is.
  const ranges = shards.map(slotsOf).sort((a, b) => a.from - b.from);
  expect(ranges.map(({ from }, at) => from === (ranges[at - 1]?.to ?? ALL_SLOTS.from))).not.toContain(false);
  const ids = shards.flatMap((shard) => {
    const rows = rowsOf(world, shard.ordinal);
    expect(rows.every(({ name, id, bytes }) => bytes === 0 && holdsSlot(slotsOf(shard), slotOf(name, id)))).toBe(true);
    expect(rows.length).toBeLessThanOrEqual(BUDGET);
    return rows.map(({ name, id }) => `${name}/${id}`);
  });
  expect(new Set(ids).size).toBe(ids.length);

  clients.deleteChance = 0.7;
  world.faults = FAULTS;
  await world.during(clients.work(60));
  await world.during(clients.deleteAll());
  world.faults = NO_FAULTS;
  await world.rest(900_000);
  expectTidy(world);
  await world.during(clients.expectExactly());
  expect(world.table!.shards.map((shard) => slotsOf(shard))).toEqual([ALL_SLOTS]);
});

it.each(seeds(2).flatMap((seed) => [[seed, seed % 2 === 1 ? 0.7 : 0.25]]))(
  '[TX209] [TX210] rows without vectors share shards with vectors, come and go, under faults (seed %i, %d without)',
  async (seed, chance) => {
    const world = new GrowthWorld(growthManifest(BUDGET, GROWTH_FIELDS), seed, NO_FAULTS);
    await grown(world, chance, seed);
    const counts = new Map<string, number>();
    for (const { ordinal } of world.table!.shards) {
      const rows = rowsOf(world, ordinal);
      expect(rows.length).toBeLessThanOrEqual(2 * BUDGET);
      for (const { name, id, bytes } of rows) if (bytes === 0) counts.set(`${name}/${id}`, (counts.get(`${name}/${id}`) ?? 0) + 1);
    }
    expect(world.table!.shards.length).toBeGreaterThan(3);
    expect(counts.size).toBeGreaterThan(20);
    // Spilled copies are of vectors alone.
    expect([...counts.values()].filter((count) => count > 1)).toEqual([]);
  },
);
