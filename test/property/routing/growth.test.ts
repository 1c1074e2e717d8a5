import { expect, it } from 'vitest';

import type { IndexManifest } from '../../../src/ann/index-manifest.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import { effort } from '../../support/effort.ts';
import { GrowthClients } from '../../support/growth-clients.ts';
import { GrowthWorld } from '../../support/growth-world.ts';
import type { Faults } from '../../support/object-network.ts';
import { NO_FAULTS } from '../../support/object-network.ts';

const MANIFEST: IndexManifest = {
  id: 'ix_grow' as IndexId,
  tenantId: 'tn_grow' as TenantId,
  name: 'grows',
  dimensions: 4,
  metric: 'l2',
  shardVectorsMax: 40,
  embedding: null,
  owner: 'search',
  createdS: 1,
  generation: 1,
};

const FAULTS: Faults = { killChance: 0.004, repeatChance: 0.02, delayMsMax: 20, repeatMsMax: 3_000 };

const seeds = Array.from({ length: effort(2) }, (_, i) => i + 1);

/** What is stored where, with nothing under way. */
function census(world: GrowthWorld) {
  const shards = (world.table?.shards ?? []).map(({ ordinal, state }) => {
    const sql = world.sqlOf(`shard:${ordinal}`)!.sql;
    const rows = sql.exec<{ name: string; id: string; version: number }>(
      'SELECT name, id, version FROM vectors JOIN namespaces ON ordinal = vectors.namespace',
    );
    const departing = sql.exec('SELECT * FROM departing').toArray().length;
    return { ordinal, state, rows: rows.toArray(), departing };
  });
  const places = new Map<string, { version: number; shards: string; pending: number }>();
  for (let locator = 0; locator < (world.table?.locators ?? 0); locator += 1) {
    const sql = world.sqlOf(`locator:${locator}`)!.sql;
    for (const { namespace, id, ...place } of sql.exec<{ namespace: string; id: string; version: number; shards: string; pending: number }>(
      'SELECT * FROM entries',
    )) {
      places.set(`${namespace}\0${id}`, place);
    }
  }
  return { shards, places };
}

/** Every row is at a place of its id, in the newest version, and every place has its row. */
function expectTidy(world: GrowthWorld): void {
  const { shards, places } = census(world);
  const found = new Map<string, number[]>();
  for (const { ordinal, state, rows, departing } of shards) {
    expect([state.kind, departing]).toEqual(['serving', 0]);
    for (const { name, id, version } of rows) {
      const key = `${name}\0${id}`;
      expect(places.get(key)?.version, `${id} at ${ordinal}`).toBe(version);
      found.set(key, [...(found.get(key) ?? []), ordinal]);
    }
  }
  for (const [key, place] of places) {
    expect(place.pending).toBe(0);
    expect(
      place.shards
        .split(',')
        .map(Number)
        .sort((a, b) => a - b),
      key,
    ).toEqual(found.get(key));
  }
}

it.each(seeds)(
  '[RT6, RT7, RT8, RT11] writes, splits, merges and deaths at once: nothing is lost, doubled or undead (seed %i)',
  async (seed) => {
    const world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
    await world.during(world.create());
    const clients = new GrowthClients(world, { clients: 4, idsEach: 80, deleteChance: 0.1, pauseMsMax: 120 }, seed);
    // Any shard is hot for a while, so that it gets replicas, and cold again.
    world.heat.of = (shard) => ((Math.floor(world.nowMs / 90_000) + shard) % 3 === 0 ? 0.05 : 1.4);
    await world.during(clients.settleDown(60));
    world.faults = FAULTS;
    await world.during(clients.work(300));
    world.faults = NO_FAULTS;
    await world.run(120_000);
    await world.during(clients.expectExactly());
    expectTidy(world);
    const grownTo = world.table!.shards.length;
    expect(grownTo).toBeGreaterThan(4);

    clients.deleteChance = 0.7;
    world.faults = FAULTS;
    await world.during(clients.work(120));
    world.killAll();
    await world.during(clients.deleteAll());
    clients.deleteChance = 0.1;
    await world.during(clients.work(12));
    world.faults = NO_FAULTS;
    await world.run(300_000);
    await world.during(clients.expectExactly());
    expectTidy(world);

    const merged = world.table!.highest + 1 - world.table!.shards.length;
    expect(merged, 'shards that were given up').toBeGreaterThan(0);
    expect(world.replicasMade, 'replicas at once').toBeGreaterThan(2);
    expect(world.replicaReads, 'reads of replicas').toBeGreaterThan(100);
    expect(Math.min(clients.counts.readBack, clients.counts.oldReads)).toBeGreaterThan(50);
    for (const [what, count] of Object.entries(world.counts)) expect(count, what).toBeGreaterThan(0);
  },
);
