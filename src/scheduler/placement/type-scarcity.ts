import type { TypedDemand } from './balanced-load.ts';
import { balanceLoad } from './balanced-load.ts';
import type { WeightedShape } from './shape.ts';
import { acceleratorMilli, acceptsType } from './shape.ts';

/**
 * What a thousandth of each type costs others, in thousandths: the square of the share of it that jobs which cannot go everywhere would
 * take, were the cluster full of the jobs usually seen. 0 for a type that nobody insists on, 1 for one that is spoken for: jobs that may
 * go elsewhere then do so as long as that strands less than they need.
 */
export function typeScarcity(mix: readonly WeightedShape[], capacityMilli: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const types = [...capacityMilli.keys()];
  const capacity = sum(capacityMilli.values());
  const users = mix.filter(({ shape }) => shape.acceleratorCount > 0);
  const demand = sum(users.map(({ shape, weight }) => weight * acceleratorMilli(shape)));
  const demands = new Map<string, TypedDemand>();
  for (const { shape, weight } of users) {
    const accepted = types.filter((type) => acceptsType(shape, type));
    const milli = (weight * acceleratorMilli(shape) * capacity) / demand;
    const known = demands.get(accepted.join(' '));
    demands.set(accepted.join(' '), { types: accepted, milli: milli + (known?.milli ?? 0) });
  }
  const merged = [...demands.values()];
  const spread = balanceLoad(merged, capacityMilli);
  return new Map(
    types.map((type) => {
      const bound = sum(merged.map((of, index) => (of.types.length < types.length ? (spread[index]?.get(type) ?? 0) : 0)));
      return [type, Math.min(1, bound / (capacityMilli.get(type) ?? 1)) ** 2];
    }),
  );
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
