import type { Metric } from '../../contract/indexes/index-settings.ts';
import { prepare } from '../../ann/lists/list-model.ts';
import type { RankingPoint } from './centroids.ts';
import type { Placing } from './places-of.ts';
import { placingsFor, placingsOf } from './places-of.ts';
import { regionRowsOf, Regions } from './regions.ts';
import type { RouteTable } from './route-table.ts';
import { slotsOf } from './route-table.ts';
import type { SlotRange } from './slot-range.ts';
import { holdsSlot } from './slot-range.ts';

/** A shard and how far from a point the nearest of its centroids is. */
export interface RankedShard {
  readonly ordinal: number;
  /** Squared; for queries by inner product, minus it. */
  readonly distance: number;
  /** Ids that it holds. */
  readonly slots: SlotRange;
}

/** The regions of a route table, ready for ranking shards by their nearest centroids. */
export class Router {
  readonly #metric: Metric;
  readonly #slots: readonly SlotRange[];
  readonly #regions: Regions;

  constructor({ metric, dimensions, shards }: Pick<RouteTable, 'metric' | 'dimensions' | 'shards'>) {
    this.#metric = metric;
    this.#slots = shards.filter(({ centroids }) => centroids.scales.length > 0).map(slotsOf);
    this.#regions = new Regions(regionRowsOf(shards), { dimensions });
  }

  /** The shards that hold ids of a slot, by where a vector of such an id belongs: the nearest first. */
  rankForPlacing(values: Float32Array, slot: number): RankedShard[] {
    return this.#rank(placingPoint(this.#metric, values), slot);
  }

  /** The nearest few of these, for deciding which of them keep the vector. */
  placings(values: Float32Array, slot: number): Placing[] {
    const point = placingPoint(this.#metric, values);
    const near = this.#rank(point, slot).slice(0, placingsFor(values));
    const centroidOf = ({ ordinal }: RankedShard) => this.#regions.nearestCentroid(point, this.#regions.ordinals.indexOf(ordinal));
    return placingsOf(
      near.map((shard) => ({ ...shard, centroid: centroidOf(shard) })),
      values.length,
    );
  }

  /** All shards that own a region, by where a query's matches are likely: the likeliest first. */
  rankForSearching(values: Float32Array): RankedShard[] {
    return this.#rank(searchingPoint(this.#metric, values));
  }

  /** Of all shards, or those that hold a slot. */
  #rank(point: RankingPoint, slot?: number): RankedShard[] {
    const regions = this.#regions;
    const ranked = this.#slots.flatMap((slots, place): RankedShard[] => {
      if (slot !== undefined && !holdsSlot(slots, slot)) return [];
      return [{ ordinal: regions.ordinals[place]!, slots, distance: regions.distance(point, place) }];
    });
    return ranked.sort(byNearness);
  }
}

/** The nearest first; of equally near ones the older. */
export const byNearness = (a: Omit<RankedShard, 'slots'>, b: Omit<RankedShard, 'slots'>): number =>
  a.distance - b.distance || a.ordinal - b.ordinal;

/** A vector as regions compare it: cosines compare directions. */
export function preparedPoint(metric: Metric, values: Float32Array): Float32Array {
  if (metric !== 'cosine') return values;
  const point = new Float32Array(values.length);
  prepare({ metric, dimensions: values.length, mean: point }, values, point);
  return point;
}

export function placingPoint(metric: Metric, values: Float32Array): RankingPoint {
  const point = preparedPoint(metric, values);
  return { values: point, square: point.reduce((sum, x) => sum + x * x, 0) };
}

export const searchingPoint = (metric: Metric, values: Float32Array): RankingPoint =>
  metric === 'dot' ? { values } : placingPoint(metric, values);
