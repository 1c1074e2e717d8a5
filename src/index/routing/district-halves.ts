import type { RoutedShard } from './route-table.ts';
import { kMeansAtOnce } from './k-means.ts';
import { shardMeans } from './shard-means.ts';

type Halves = readonly [readonly RoutedShard[], readonly RoutedShard[]];

/** Divides a shard group into two of equally many shards: ordered along the line between two means of all. */
export function districtHalves(shards: readonly RoutedShard[], dimensions: number, seed: number): Halves {
  const means = shardMeans(shards, dimensions);
  const { centroids: poles } = kMeansAtOnce(means, dimensions, 2, seed);
  const along = (place: number): number => {
    let product = 0;
    // Where all are equal there is one pole, and the order stays.
    for (let d = 0; d < dimensions; d += 1) product += means[place * dimensions + d]! * ((poles[dimensions + d] ?? poles[d]!) - poles[d]!);
    return product;
  };
  const order = [...shards.entries()].map(([place, shard]) => ({ shard, at: along(place) })).sort((a, b) => a.at - b.at);
  const ordered = order.map(({ shard }) => shard);
  const middle = Math.ceil(ordered.length / 2);
  return [ordered.slice(0, middle), ordered.slice(middle)];
}
