import { expect, it } from 'vitest';

import { slotsOf } from '../../../src/index/routing/route-table.ts';
import { ALL_SLOTS } from '../../../src/index/routing/slot-range.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { expectTidy } from '../../support/worlds/growth-census.ts';
import { GrowthClients } from '../../support/worlds/growth-clients.ts';
import { growthManifest } from '../../support/worlds/growth-manifest.ts';
import { GrowthWorld } from '../../support/worlds/growth-world.ts';
import type { Faults } from '../../support/worlds/object-network.ts';
import { NO_FAULTS } from '../../support/worlds/object-network.ts';

const MANIFEST = growthManifest(40);

const FAULTS: Faults = { killChance: 0.004, repeatChance: 0.02, delayMsMax: 20, repeatMsMax: 3_000 };

// All vectors are equal, or most, with the rest around a few centres.
it.each(seeds(1).flatMap((seed) => [[seed, seed % 2 === 1 ? 0.6 : 1]]))(
  '[RT16, RT17, RT18] equal vectors are divided and merged under faults, none lost (seed %i, %d equal)',
  async (seed, equalChance) => {
    const world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
    await world.during(world.create());
    const clients = new GrowthClients(world, { clients: 4, idsEach: 80, deleteChance: 0.1, pauseMsMax: 120, equalChance }, seed);
    await world.during(clients.settleDown(60));
    world.faults = FAULTS;
    await world.during(clients.work(200));
    world.faults = NO_FAULTS;
    await world.rest(120_000);
    expectTidy(world);
    await world.during(clients.expectExactly());
    const isPart = ({ from, to }: typeof ALL_SLOTS) => to - from < ALL_SLOTS.to;
    const sharing = world.table!.shards.filter((shard) => isPart(slotsOf(shard)));
    expect(sharing.length, 'shards that share regions').toBeGreaterThan(3);
    const rowsOf = (ordinal: number) => world.sqlOf(`shard:${ordinal}`)!.sql.exec('SELECT id FROM vectors').toArray().length;
    const counts = sharing.map(({ ordinal }) => rowsOf(ordinal));
    expect(Math.max(...counts), `shards of ${counts.join()}`).toBeLessThanOrEqual(MANIFEST.shardVectorsMax!);
    // Once the index is calm, nothing changes any more: hash splits are not undone at once.
    await world.rest(10 * INDEX_LIMITS.tidyCalmMs);
    const { version } = world.table!;
    await world.rest(120_000);
    expect(world.table!.version).toBe(version);

    clients.deleteChance = 0.7;
    world.faults = FAULTS;
    await world.during(clients.work(60));
    world.killAll();
    await world.during(clients.deleteAll());
    world.faults = NO_FAULTS;
    await world.rest(900_000);
    expectTidy(world);
    await world.during(clients.expectExactly());
    expect(world.table!.shards.map((shard) => slotsOf(shard))).toEqual([ALL_SLOTS]);
  },
);
