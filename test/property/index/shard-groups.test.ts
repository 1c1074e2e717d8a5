import { expect, it } from 'vitest';

import { effort } from '../../support/fixtures/effort.ts';
import { expectTidy } from '../../support/worlds/growth-census.ts';
import { GrowthClients } from '../../support/worlds/growth-clients.ts';
import { growthManifest } from '../../support/worlds/growth-manifest.ts';
import { GrowthWorld } from '../../support/worlds/growth-world.ts';
import type { Faults } from '../../support/worlds/object-network.ts';
import { NO_FAULTS } from '../../support/worlds/object-network.ts';
import { routesOfTable } from '../../support/oracles/routes-of-table.ts';
import { value } from '../../support/worlds/shard-world.ts';

const MANIFEST = growthManifest(16);

const FAULTS: Faults = { killChance: 0.002, repeatChance: 0.02, delayMsMax: 20, repeatMsMax: 3_000 };

/** Room for the routing summary of this index and a few of its pages. */
const SMALL_MEMORY_BYTES = 10_000;

/** Size of a page: four shards of eight centroids. */
const PAGE_BYTES = 700;
const IDS_ONLY = { values: false, metadata: false, text: false };

// Even ones have equal vectors, too.
const seeds = Array.from({ length: effort(1, 40) }, (_, i) => i + 2);

it.each(seeds)('[RT36] no vector is lost, doubled or resurrected while shard groups split and merge (seed %i)', async (seed) => {
  const world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
  world.groupSizes = { shardsMax: 4, shardsMin: 2 };
  world.routeBytesMax = SMALL_MEMORY_BYTES;
  await world.during(world.create());
  // Equal vectors are divided by the hashes of their ids, with shard groups as without.
  const equalChance = seed % 2 === 0 ? 0.5 : 0;
  const options = { clients: 4, idsEach: 80, deleteChance: 0.05, pauseMsMax: 120, equalChance };
  const clients = new GrowthClients(world, options, seed);
  world.faults = FAULTS;
  await world.during(clients.work(250));
  world.faults = NO_FAULTS;
  await world.rest(120_000);
  expectTidy(world);
  await world.during(clients.expectExactly());
  const grown = world.table!;
  expect(grown.shards.length).toBeGreaterThan(12);
  expect(grown.groups!.length).toBeGreaterThan(3);
  await world.during(searchWithRoomForTwoPages(world));
  expect(world.routes.pagesAgain, 'pages that were told and forgotten').toBeGreaterThan(0);

  world.faults = FAULTS;
  await world.during(clients.deleteAll());
  await world.during(clients.work(8));
  world.faults = NO_FAULTS;
  await world.rest(400_000);
  expectTidy(world);
  await world.during(clients.expectExactly());
  expect(world.table!.groups!.length).toBeLessThan(grown.groups!.length);

  for (const [what, count] of Object.entries(world.routes)) expect(count, what).toBeGreaterThan(0);
});

async function searchWithRoomForTwoPages(world: GrowthWorld): Promise<void> {
  world.routeBytesMax = routesOfTable(world.table!).bytes + 2 * PAGE_BYTES;
  const gateway = world.gateway();
  const { id: indexId, dimensions } = MANIFEST;
  for (let i = 0; i < 5; i += 1) {
    const target = { kind: 'values', values: new Float32Array(dimensions).fill(i) } as const;
    const query = { indexId, target, namespace: '', topK: 3, filter: null, excludeIds: [], include: IDS_ONLY };
    value(await gateway.using((shards, manifest) => shards.of(manifest).query(query)));
  }
}
