import { expect, it } from 'vitest';

import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { MAINTENANCE_SIZES } from '../../../src/ann/maintenance/next-task.ts';
import { Clusters } from '../../support/fixtures/clusters.ts';
import type { WorldVector } from '../../support/worlds/shard-world.ts';
import { ShardWorld, smallFloor } from '../../support/worlds/shard-world.ts';

const DIMENSIONS = 32;
const SIZES = { ...MAINTENANCE_SIZES, listedCountMin: () => 2_000, trialQueries: 300 };
const QUERIES = 300;

const clusters = (seed: number, offset = 0) => new Clusters({ dimensions: DIMENSIONS, count: 60, spread: 0.5, seed, offset });

let serial = 0;
const drawn = (source: Clusters, count: number): WorldVector[] =>
  Array.from({ length: count }, () => ({ namespace: '', id: `v${(serial += 1)}`, values: source.next(), n: 0 }));

function shardOf(metric: Metric): ShardWorld {
  return new ShardWorld(smallFloor(32 * 1024 * 1024, SIZES), { metric, dimensions: DIMENSIONS });
}

function write(world: ShardWorld, vectors: readonly WorldVector[]): void {
  for (let start = 0; start < vectors.length; start += 1_000) world.upsert(vectors.slice(start, start + 1_000));
}

const queriesOf = (source: Clusters) => Array.from({ length: QUERIES }, () => ({ values: source.next(), topK: 10 }));

/** The recall of searches, and how many codes they scan for it. */
function measured(world: ShardWorld, queries: ReturnType<typeof queriesOf>): { recall: number; scanned: number } {
  const scanned = queries.reduce((sum, query) => sum + (world.query(query).explanation?.codesScanned ?? 0), 0);
  return { recall: world.recall(queries), scanned };
}

function newestOf({ store }: ShardWorld): { id: number; usualLoss: number } {
  const { id, settings } = store.lists.listSets().at(-1)!;
  return { id, usualLoss: (JSON.parse(settings) as { usualLoss: number }).usualLoss };
}

const IS_FULL = process.env['SLUICE_TEST_FULL'] === '1';

it.each(IS_FULL ? (['cosine', 'l2'] as const) : (['l2'] as const))(
  '[V129] replacing 30 of 100 vectors at random lowers neither recall nor speed: %s',
  (metric) => {
    const source = clusters(30);
    const world = shardOf(metric);
    write(world, drawn(source, 3_000));
    world.settle();
    const queries = queriesOf(source);
    const before = measured(world, queries);
    expect(before.recall).toBeGreaterThan(0.93);
    for (let round = 0; round < 3; round += 1) {
      const replaced = [...world.vectors.values()].filter((_, i) => i % 10 === round);
      world.delete(
        '',
        replaced.map(({ id }) => id),
      );
      write(world, drawn(source, replaced.length));
      world.settle();
    }
    const after = measured(world, queries);
    expect(newestOf(world).id, 'list sets ever').toBe(1);
    expect(after.recall).toBeGreaterThan(before.recall - 0.01);
    expect(after.scanned).toBeLessThan(1.25 * before.scanned);
  },
);

it('[V129] vectors unlike those of the training trigger a new training', () => {
  const world = shardOf('l2');
  write(world, drawn(clusters(31), 2_200));
  world.settle();
  const strange = clusters(32, 3);
  write(world, drawn(strange, 2_200));
  world.settle();
  expect(world.store.lists.listSets().length).toBe(1);
  expect(newestOf(world).id, 'list sets ever').toBeGreaterThan(1);
  const fresh = shardOf('l2');
  write(fresh, [...world.vectors.values()]);
  fresh.settle();
  expect(newestOf(world).usualLoss).toBeLessThan(1.1 * newestOf(fresh).usualLoss);
  expect(world.recall(queriesOf(strange))).toBeGreaterThan(0.93);
});
