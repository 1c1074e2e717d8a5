import { describe, expect, it } from 'vitest';

import { engineResources } from '../../../src/ann/shard/engine-resources.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import { probeModule } from '../../support/fakes/probe-module.ts';
import { scanModule } from '../../support/fakes/scan-module.ts';
import { ShardWorld, SMALL_SIZES } from '../../support/worlds/shard-world.ts';
import { readStoredLists } from '../../support/oracles/stored-lists.ts';
import { trainModule } from '../../support/fakes/train-module.ts';

const dimensions = INDEX_LIMITS.dimensionsMaxCount;
const modules = { scan: scanModule, probe: probeModule, train: trainModule };
const COUNT = 64;
const SIZES = { ...SMALL_SIZES, listedCountMin: () => 40, entries: 8, calibratedCountMin: 30, trialQueries: 4 };

describe('vectors of the most dimensions', () => {
  it.each(process.env['SLUICE_TEST_FULL'] === '1' ? METRICS : (['l2'] as const))(
    '[V164] %s: are listed within the memory of an isolate, and found as exactly as shorter ones',
    (metric) => {
      const world = new ShardWorld(engineResources(modules, INDEX_LIMITS.isolateEngineBytesMax, SIZES), { metric, dimensions });
      const source = new Clusters({ dimensions, count: 6, spread: 0.4, seed: 8 });
      const vectors = Array.from({ length: COUNT }, (_, i) => ({ namespace: '', id: `v${i}`, values: source.next(), n: i }));
      for (let at = 0; at < COUNT; at += 16) world.upsert(vectors.slice(at, at + 16));
      const query = { values: source.next(), topK: 10 };
      world.expectExact(query);
      world.settle();
      const [lists] = world.store.lists.listSets();
      expect(lists?.model.length).toBeLessThan(INDEX_LIMITS.rowBytesMax);
      expect(readStoredLists(world.store)).toBeDefined();
      world.expectExact({ ...query, exact: true });
      world.restart();
      world.expectExact({ ...query, exact: true });
      const [found, exactly] = [world.query(query), world.query({ ...query, exact: true })].map(({ ids }) => new Set(ids));
      expect([...(exactly ?? [])].filter((id) => found?.has(id)).length).toBeGreaterThanOrEqual(9);
    },
  );
});
