import { expect, it } from 'vitest';

import { effort } from '../../support/fixtures/effort.ts';
import { expectTidy } from '../../support/worlds/growth-census.ts';
import { GrowthClients } from '../../support/worlds/growth-clients.ts';
import { growthManifest } from '../../support/worlds/growth-manifest.ts';
import { GrowthWorld } from '../../support/worlds/growth-world.ts';
import type { Faults } from '../../support/worlds/object-network.ts';
import { NO_FAULTS } from '../../support/worlds/object-network.ts';

const MANIFEST = growthManifest(40);

const FAULTS: Faults = { killChance: 0.004, repeatChance: 0.02, delayMsMax: 20, repeatMsMax: 3_000 };

const seeds = Array.from({ length: effort(1, 40) }, (_, i) => i + 1);

it.each(seeds)('[RT6, RT7, RT8, RT11, RT39, F3] writes, splits, merges and crashes lose and double nothing (seed %i)', async (seed) => {
  const world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
  await world.during(world.create());
  const clients = new GrowthClients(world, { clients: 4, idsEach: 80, deleteChance: 0.1, pauseMsMax: 120 }, seed);
  // Each shard is hot for a while, so that it gets replicas, and then cold again.
  world.heat.of = (shard) => ((Math.floor(world.nowMs / 90_000) + shard) % 3 === 0 ? 0.05 : 1.4);
  await world.during(clients.settleDown(60));
  clients.replayChance = 0.1;
  world.faults = FAULTS;
  await world.during(clients.work(300));
  world.faults = NO_FAULTS;
  await world.rest(120_000);
  expectTidy(world);
  await world.during(clients.expectExactly());
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
  await world.rest(300_000);
  expectTidy(world);
  await world.during(clients.expectExactly());

  const merged = world.table!.highest + 1 - world.table!.shards.length;
  expect(merged, 'shards that were given up').toBeGreaterThan(0);
  expect(world.replicasMade, 'replicas at once').toBeGreaterThan(2);
  expect(world.replicaReads, 'reads of replicas').toBeGreaterThan(100);
  expect(Math.min(clients.counts.readBack, clients.counts.oldReads)).toBeGreaterThan(50);
  expect(Math.min(clients.counts.replayed / 4, clients.counts.late), 'requests that were repeated').toBeGreaterThan(4);
  for (const [what, count] of Object.entries(world.counts)) expect(count, what).toBeGreaterThan(0);
});
