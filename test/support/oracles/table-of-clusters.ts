import { encodeCentroids } from '../../../src/index/routing/centroids.ts';
import type { RoutedShard, RouteTable } from '../../../src/index/routing/route-table.ts';
import { preparedPoint } from '../../../src/index/routing/router.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const CENTROIDS = 3;

/** A table of many shards, several near each cluster centre, each with a few centroids; and points of the same distribution. */
export function tableOfClusters(shardCount: number, clusters: number, dimensions: number, seed: number, metric: Metric = 'l2') {
  const random = new Seeded(seed);
  const around = (centre: Float32Array, spread: number) => centre.map((x) => x + (random.next() + random.next() - 1) * spread);
  const centres = Array.from({ length: clusters }, () => around(new Float32Array(dimensions), 8));
  const anyCentre = () => centres[Math.floor(random.next() * clusters)]!;
  const shards = Array.from({ length: shardCount }, (_, ordinal): RoutedShard => {
    const middle = around(anyCentre(), 3);
    const rows = Array.from({ length: CENTROIDS }, () => [...preparedPoint(metric, around(middle, 1))]).flat();
    return { ordinal, since: 1, centroids: encodeCentroids(Float32Array.from(rows), dimensions), state: { kind: 'serving' }, replicas: [] };
  });
  const table: RouteTable = { version: 1, metric, dimensions, shards, highest: shardCount - 1, locators: 8, margin: 1.1 };
  return { table, random, nextPoint: () => around(anyCentre(), 3.5) };
}
