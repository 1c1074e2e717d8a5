import type { Metric } from '../../contract/metric.ts';
import { must } from '../../kernel/assert.ts';
import { prepare } from '../lists/list-model.ts';
import { decodeCentroids } from './centroid-rows.ts';
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
  readonly #dimensions: number;
  readonly #owners: readonly { readonly ordinal: number; readonly slots: SlotRange }[];
  /** [centroids x dimensions], shard by shard. */
  readonly #centroids: Float32Array;
  /** Squared lengths of the centroids. */
  readonly #squares: Float32Array;
  /** Where the centroids of the shard at each place end. */
  readonly #ends: number[] = [];

  constructor({ metric, dimensions, shards }: Pick<RouteTable, 'metric' | 'dimensions' | 'shards'>) {
    const owners = shards.filter(({ centroids }) => centroids.scales.length > 0);
    this.#metric = metric;
    this.#dimensions = dimensions;
    this.#owners = owners.map((shard) => ({ ordinal: shard.ordinal, slots: slotsOf(shard) }));
    const count = owners.reduce((sum, { centroids }) => sum + centroids.scales.length, 0);
    this.#centroids = new Float32Array(count * dimensions);
    this.#squares = new Float32Array(count);
    let end = 0;
    for (const { centroids } of owners) {
      decodeCentroids(centroids, dimensions, this.#centroids, end * dimensions);
      end += centroids.scales.length;
      this.#ends.push(end);
    }
    for (let row = 0; row < count; row += 1) this.#squares[row] = this.#product(this.#centroids, row * dimensions, row);
  }

  /** The shards that hold ids of a slot, by where a vector of such an id belongs: the nearest first. */
  rankForPlacing(values: Float32Array, slot: number): RankedShard[] {
    return this.#rank(values, true, slot);
  }

  /** All shards that own a region, by where a query's matches are likely: the likeliest first. */
  rankForSearching(values: Float32Array): RankedShard[] {
    return this.#rank(values, this.#metric !== 'dot');
  }

  /** Of all shards, or those that hold a slot. */
  #rank(values: Float32Array, byDistance: boolean, slot?: number): RankedShard[] {
    const point = preparedPoint(this.#metric, values);
    const square = byDistance ? pointSquare(point) : 0;
    const ranked = this.#owners.flatMap(({ ordinal, slots }, place): RankedShard[] => {
      if (slot !== undefined && !holdsSlot(slots, slot)) return [];
      let distance = Infinity;
      const end = must(this.#ends[place], 'every shard has an end');
      for (let row = this.#ends[place - 1] ?? 0; row < end; row += 1) {
        const product = this.#product(point, 0, row);
        distance = Math.min(distance, byDistance ? square + this.#squares[row]! - 2 * product : -product);
      }
      return [{ ordinal, slots, distance: byDistance ? Math.max(0, distance) : distance }];
    });
    return ranked.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal);
  }

  /** Four sums, so that additions need not wait for each other. */
  #product(values: Float32Array, at: number, row: number): number {
    const centroids = this.#centroids;
    const start = row * this.#dimensions;
    const whole = this.#dimensions & ~3;
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0; i < whole; i += 4) {
      a += values[at + i]! * centroids[start + i]!;
      b += values[at + i + 1]! * centroids[start + i + 1]!;
      c += values[at + i + 2]! * centroids[start + i + 2]!;
      d += values[at + i + 3]! * centroids[start + i + 3]!;
    }
    for (let i = whole; i < this.#dimensions; i += 1) a += values[at + i]! * centroids[start + i]!;
    return a + b + c + d;
  }
}

/** A vector as regions compare it: cosines compare directions. */
export function preparedPoint(metric: Metric, values: Float32Array): Float32Array {
  if (metric !== 'cosine') return values;
  const point = new Float32Array(values.length);
  prepare({ metric, dimensions: values.length, mean: point }, values, point);
  return point;
}

const pointSquare = (point: Float32Array): number => point.reduce((sum, x) => sum + x * x, 0);
