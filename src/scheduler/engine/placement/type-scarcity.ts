import type { TypedDemand } from './balanced-load.ts';
import { balanceLoad } from './balanced-load.ts';
import { contention } from './contention.ts';
import type { IdleCapacity } from './idle-capacity.ts';
import type { WeightedShape } from './shape.ts';
import { acceleratorMilli, acceptsType } from './shape.ts';

/**
 * What a thousandth of each type costs other jobs, in thousandths: 0 for a type that no job insists on, 1 for one whose idle units are all
 * claimed by jobs bound to it. Flexible jobs then go elsewhere, as long as that wastes less than they need.
 */
export class TypeScarcity {
  readonly #mix: readonly WeightedShape[];
  /** By type, the share of the usual demand that insists on some types and falls to this one. */
  #boundShares: ReadonlyMap<string, number> = new Map();
  #sharesOf = -1;

  constructor(mix: readonly WeightedShape[]) {
    this.#mix = mix.filter(({ shape }) => shape.acceleratorCount > 0);
  }

  prices(idle: IdleCapacity): ReadonlyMap<string, number> {
    if (this.#sharesOf !== idle.capacityVersion) {
      this.#sharesOf = idle.capacityVersion;
      this.#boundShares = boundShares(this.#mix, idle.capacityMilli());
    }
    return new Map(Array.from(this.#boundShares, ([type, share]) => [type, contention(share, idle.totalMilli, idle.milliOf(type))]));
  }
}

/** Supposes a cluster full of the usual demand, which is spread over the types evenly. */
function boundShares(mix: readonly WeightedShape[], capacityMilli: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const types = [...capacityMilli.keys()];
  const capacity = sum(capacityMilli.values());
  const demand = sum(mix.map(({ shape, weight }) => weight * acceleratorMilli(shape)));
  const demands = new Map<string, TypedDemand>();
  for (const { shape, weight } of mix) {
    const accepted = types.filter((type) => acceptsType(shape, type));
    const milli = (weight * acceleratorMilli(shape) * capacity) / demand;
    const known = demands.get(accepted.join('\n'));
    demands.set(accepted.join('\n'), { types: accepted, milli: milli + (known?.milli ?? 0) });
  }
  const merged = [...demands.values()];
  const spread = balanceLoad(merged, capacityMilli);
  return new Map(
    types.map((type) => {
      const bound = merged.map((of, index) => (of.types.length < types.length ? (spread[index]?.get(type) ?? 0) : 0));
      return [type, sum(bound) / capacity];
    }),
  );
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
