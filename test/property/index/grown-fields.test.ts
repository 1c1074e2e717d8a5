import { afterAll, beforeAll, expect, it } from 'vitest';

import { POSTING_LIMITS } from '../../../src/contract/indexes/posting-limits.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { expectTidy } from '../../support/worlds/growth-census.ts';
import { GrowthClients } from '../../support/worlds/growth-clients.ts';
import { contentsOf, GROWTH_FIELDS, LEGS_TO_ALL, legToOwn } from '../../support/worlds/growth-legs.ts';
import { growthManifest } from '../../support/worlds/growth-manifest.ts';
import { GrowthWorld } from '../../support/worlds/growth-world.ts';
import type { Faults } from '../../support/worlds/object-network.ts';
import { NO_FAULTS } from '../../support/worlds/object-network.ts';
import { servedFields } from '../../support/worlds/served-fields.ts';
import { ShardWorld, smallFloor, value } from '../../support/worlds/shard-world.ts';
import { whole } from '../../support/worlds/whole-read.ts';

const MANIFEST = growthManifest(40, GROWTH_FIELDS);
const FAULTS: Faults = { killChance: 0.004, repeatChance: 0.02, delayMsMax: 20, repeatMsMax: 3_000 };
const usual = { ...POSTING_LIMITS };

// So few that shards of this size flush and merge all the time.
beforeAll(() => void Object.assign(POSTING_LIMITS, { memtableRowsMaxCount: 6, slicePostingsMaxCount: 3_000 }));
afterAll(() => void Object.assign(POSTING_LIMITS, usual));

/** One shard with the same rows. */
function oneShard(namespaces: ReadonlyMap<string, ReadonlyMap<string, number>>): ShardWorld {
  const { dimensions, metric } = MANIFEST;
  const floor = smallFloor(1 << 22);
  const world = new ShardWorld(floor, { dimensions, metric, fields: GROWTH_FIELDS }, 'one', servedFields(floor, 'one'));
  const rows = [...namespaces].flatMap(([namespace, serials]) => [...serials].map(([id, serial]) => ({ namespace, id, serial })));
  const batch = {
    indexId: world.identity.indexId,
    ids: rows.map(({ id }) => id),
    namespaces: rows.map(({ namespace }) => namespace),
    values: new Float32Array(dimensions * rows.length),
    metadata: rows.map(() => null),
    texts: rows.map(() => null),
    contents: rows.map(({ serial }) => contentsOf(serial)),
    repetition: null,
  };
  value(world.shard.upsert(batch, 0));
  return world;
}

/** While nothing is written or moved. */
async function expectAsOneShard(world: GrowthWorld, clients: GrowthClients): Promise<void> {
  const gateway = world.gateway();
  const namespaces = new Map(['', 'en'].map((namespace) => [namespace, clients.liveIn(namespace)]));
  const one = oneShard(namespaces);
  const { indexId } = one.identity;
  for (const [namespace, serials] of namespaces) {
    const owned = [...serials.values()].slice(0, 3).map(legToOwn);
    for (const query of [...LEGS_TO_ALL, ...owned]) {
      const include = { values: false, metadata: false, text: false, contents: true };
      const alone = value(whole(one.shard.searchFields({ indexId, query, namespace, topK: 1000, filter: null, excludeIds: [], include })));
      const found = await world.during(clients.searchFields(gateway, namespace, query));
      expect([found.ids, found.contents]).toEqual([alone.ids, alone.contents]);
      for (const [at, score] of found.scores.entries()) expect(Math.abs(score - alone.scores[at]!)).toBeLessThan(1e-6);
    }
  }
}

const seeds = Array.from({ length: effort(1, 40) }, (_, i) => i + 1);

it.each(seeds)('[TX204] legs over fields miss, double and revive nothing while shards split, merge and die (seed %i)', async (seed) => {
  const world = new GrowthWorld(MANIFEST, seed, NO_FAULTS);
  await world.during(world.create());
  const clients = new GrowthClients(world, { clients: 4, idsEach: 60, deleteChance: 0.1, pauseMsMax: 120 }, seed);
  world.heat.of = (shard) => ((Math.floor(world.nowMs / 90_000) + shard) % 3 === 0 ? 0.05 : 1.4);
  await world.during(clients.settleDown(60));
  world.faults = FAULTS;
  await world.during(clients.work(200));
  world.faults = NO_FAULTS;
  await world.rest(120_000);
  expectTidy(world);
  expect(world.table!.shards.length).toBeGreaterThan(3);
  await expectAsOneShard(world, clients);

  clients.deleteChance = 0.7;
  world.faults = FAULTS;
  await world.during(clients.work(80));
  world.killAll();
  world.faults = NO_FAULTS;
  await world.rest(300_000);
  expectTidy(world);
  await expectAsOneShard(world, clients);
  await world.during(clients.expectExactly());
  expect(clients.counts.legs).toBeGreaterThan(100);
  expect(world.replicaReads, 'reads of replicas').toBeGreaterThan(20);
});
