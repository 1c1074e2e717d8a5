import type { ClusterState } from '../model/cluster-state.ts';
import { WHOLE_MILLI } from '../model/pool-spec.ts';
import type { Gang } from './idle-capacity.ts';
import { gangsOf, IdleCapacity, contention, blocksIn, isGang } from './idle-capacity.ts';
import type { Shape, WeightedShape } from './workload-mix.ts';
import { acceleratorMilli, acceptsType } from './workload-mix.ts';

/** What a job takes of what others need more, which depends on what is idle everywhere: types, and blocks for gangs. Never negative. */
export class Scarcity {
  readonly #cluster: ClusterState;
  readonly #idle: IdleCapacity;
  readonly #types: TypeScarcity;
  readonly #gangs: GangScarcity;

  /** `idle` is what is idle on the nodes of `cluster`, and counts for this mix from now on. */
  constructor(cluster: ClusterState, mix: readonly WeightedShape[], idle = new IdleCapacity(cluster)) {
    this.#cluster = cluster;
    this.#idle = idle;
    idle.countFor(gangsOf(mix));
    this.#types = new TypeScarcity(mix);
    this.#gangs = new GangScarcity(mix);
  }

  /** What each type costs others now, per thousandth. */
  typePrices(): ReadonlyMap<string, number> {
    this.#idle.refresh();
    return this.#types.prices(this.#idle);
  }

  /** What a shape costs others now on a node, if it takes so many whole accelerators there. */
  tariff(shape: Shape): (node: number, wholeTaken: number) => number {
    const types = this.typePrices();
    const gangs = this.#gangs.prices(this.#idle, shape);
    const milli = acceleratorMilli(shape);
    // Nodes with as much free break up as many blocks: most nodes are like many others.
    const known = new Map<number, number>();
    const broken = (whole: number, cpuFreeMilli: number, wholeTaken: number): number => {
      const key = (wholeTaken * 32 + whole) * 2 ** 31 + cpuFreeMilli;
      const price = known.get(key) ?? this.#gangs.broken(gangs, { whole, cpuFreeMilli }, wholeTaken, shape.cpuMilli);
      known.set(key, price);
      return price;
    };
    return (node, wholeTaken) => {
      const { accelerator } = this.#cluster.spec(node);
      const { wholeFree, cpuFreeMilli } = this.#cluster.columns;
      const type = accelerator === null ? 0 : (types.get(accelerator) ?? 0) * milli;
      return gangs.length === 0 ? type : type + broken(wholeFree[node] ?? 0, cpuFreeMilli[node] ?? 0, wholeTaken);
    };
  }
}

/** What breaking up a block costs, as a part of the block, where all that is idle is spoken for. */
const WEIGHT = 0.2;

/** What is free on a node. */
interface NodeRoom {
  readonly whole: number;
  readonly cpuFreeMilli: number;
}

/** The price of breaking up blocks of whole accelerators, with their CPU, on one node that a job of several could take together. */
export class GangScarcity {
  readonly #gangs: readonly Gang[];
  /** The share of the usual demand that needs as much or more. */
  readonly #demandShares: readonly number[];
  /** Of the demand for as many accelerators, the part that takes just as much CPU. */
  readonly #parts: readonly number[];

  constructor(mix: readonly WeightedShape[]) {
    this.#gangs = gangsOf(mix);
    const demand = mix.filter(isGang);
    const total = Math.max(1, milliOf(mix));
    this.#demandShares = this.#gangs.map(
      ({ count, cpuMilli }) => milliOf(demand.filter(({ shape }) => shape.acceleratorCount >= count && shape.cpuMilli >= cpuMilli)) / total,
    );
    this.#parts = this.#gangs.map(({ count, cpuMilli }) => {
      const alike = demand.filter(({ shape }) => shape.acceleratorCount === count);
      return milliOf(alike.filter(({ shape }) => shape.cpuMilli === cpuMilli)) / milliOf(alike);
    });
  }

  /** What a block for each of the gangs costs a job of this shape, in thousandths: what needs as much itself pays nothing. */
  prices(idle: IdleCapacity, { acceleratorCount, cpuMilli }: Shape): readonly number[] {
    return this.#gangs.map((gang, index) => {
      if (acceleratorCount > gang.count || (acceleratorCount === gang.count && cpuMilli >= gang.cpuMilli)) return 0;
      const blockMilli = gang.count * WHOLE_MILLI;
      const contended = contention(this.#demandShares[index] ?? 0, idle.totalMilli, idle.blocks(index) * blockMilli);
      return WEIGHT * blockMilli * (this.#parts[index] ?? 0) * contended;
    });
  }

  /** The prices of the blocks that are no more when a shape takes so many whole accelerators, and its CPU, of a node. */
  broken(prices: readonly number[], { whole, cpuFreeMilli }: NodeRoom, wholeTaken: number, cpuTakenMilli: number): number {
    let price = 0;
    for (const [index, gang] of this.#gangs.entries()) {
      const each = prices[index] ?? 0;
      if (each === 0) continue;
      price += each * (blocksIn(gang, whole, cpuFreeMilli) - blocksIn(gang, whole - wholeTaken, cpuFreeMilli - cpuTakenMilli));
    }
    return price;
  }
}

function milliOf(mix: readonly WeightedShape[]): number {
  return mix.reduce((total, { shape, weight }) => total + weight * acceleratorMilli(shape), 0);
}

/**
 * What a thousandth of each type costs other jobs, in thousandths: 0 for a type that no job insists on, 1 for one whose idle units are all
 * claimed by jobs bound to it. Flexible jobs then go elsewhere, as long as that wastes less than they need.
 */
class TypeScarcity {
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

/** Demand that may be met by any of some types. */
export interface TypedDemand {
  readonly types: readonly string[];
  readonly milli: number;
}

/** Rounds after which loads that still change are taken as they are. */
const ROUNDS_MAX = 300;
const SETTLED = 1e-6;

/**
 * Spreads every demand over the types it accepts so that the highest load of a type is as low as can be, and answers what each demand
 * puts on each type. Each demand in turn fills the emptiest types as water would, until none moves.
 */
export function balanceLoad(
  demands: readonly TypedDemand[],
  capacityMilli: ReadonlyMap<string, number>,
): readonly ReadonlyMap<string, number>[] {
  const load = new Map([...capacityMilli.keys()].map((type) => [type, 0]));
  const spread = demands.map(() => new Map<string, number>());
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let moved = 0;
    for (const [index, { types, milli }] of demands.entries()) {
      const before = spread[index];
      for (const [type, amount] of before ?? []) load.set(type, (load.get(type) ?? 0) - amount);
      const after = pour(types, milli, load, capacityMilli);
      for (const [type, amount] of after) {
        load.set(type, (load.get(type) ?? 0) + amount);
        moved = Math.max(moved, Math.abs(amount - (before?.get(type) ?? 0)) / (capacityMilli.get(type) ?? 1));
      }
      spread[index] = after;
    }
    if (moved < SETTLED) break;
  }
  return spread;
}

function pour(
  types: readonly string[],
  milli: number,
  load: ReadonlyMap<string, number>,
  capacityMilli: ReadonlyMap<string, number>,
): Map<string, number> {
  const vessels = types
    .map((type) => ({ type, capacity: capacityMilli.get(type) ?? 0, load: load.get(type) ?? 0 }))
    .filter(({ capacity }) => capacity > 0)
    .toSorted((a, b) => a.load / a.capacity - b.load / b.capacity);
  let capacity = 0;
  let content = milli;
  let level = 0;
  for (const vessel of vessels) {
    if (capacity > 0 && vessel.load / vessel.capacity >= level) break;
    capacity += vessel.capacity;
    content += vessel.load;
    level = content / capacity;
  }
  return new Map(vessels.map((vessel) => [vessel.type, Math.max(0, level * vessel.capacity - vessel.load)]));
}
