import { expect, it } from 'vitest';

import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { expectTidy } from '../../support/worlds/growth-census.ts';
import { GrowthClients } from '../../support/worlds/growth-clients.ts';
import { growthManifest } from '../../support/worlds/growth-manifest.ts';
import { GrowthWorld } from '../../support/worlds/growth-world.ts';
import type { Faults } from '../../support/worlds/object-network.ts';
import { NO_FAULTS } from '../../support/worlds/object-network.ts';
import { isElsewhere, rowPlaces } from '../../support/oracles/row-places.ts';

const MANIFEST = growthManifest(40);

const FAULTS: Faults = { killChance: 0.01, repeatChance: 0.04, delayMsMax: 20, repeatMsMax: 3_000 };

const seeds = Array.from({ length: effort(1, 40) }, (_, i) => i + 1);

it.each(seeds)('[RT6, RT21, RT22] rebalancing under writes and crashes loses and doubles nothing (seed %i)', async (seed) => {
  const world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
  await world.during(world.create());
  const clients = new GrowthClients(world, { clients: 4, idsEach: 80, deleteChance: 0.02, pauseMsMax: 40 }, seed);
  await world.during(clients.work(160));
  await world.run(20_000);
  // No rebalancing while regions change, however many rows are misplaced.
  expect(world.tidied).toBe(0);
  expect(rowPlaces(world).filter(isElsewhere).length, 'ids that are not in their places').toBeGreaterThan(10);

  // Shards die and calls arrive twice while vectors are moved and the same ids are written and deleted.
  clients.deleteChance = 0.3;
  clients.pauseMsMax = 6_000;
  world.faults = FAULTS;
  await world.during(clients.work(50));
  world.faults = NO_FAULTS;
  await world.rest(2 * INDEX_LIMITS.tidyLongCalmMs);
  expectTidy(world);
  await world.during(clients.expectExactly());
  expect(world.tidied, 'shards that were tidied').toBeGreaterThanOrEqual(world.table!.shards.length);
  const rows = rowPlaces(world);
  expect(rows.filter(({ actual }) => actual.length > 1).length, 'ids with two rows').toBeGreaterThan(30);
  expect(rows.filter(isElsewhere)).toEqual([]);
});
