import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import { contention } from './contention.ts';
import type { Gang } from './gang.ts';
import { blocksIn, gangsOf, isGang } from './gang.ts';
import type { IdleCapacity } from './idle-capacity.ts';
import type { Shape, WeightedShape } from './shape.ts';
import { acceleratorMilli } from './shape.ts';

/** What breaking up a block costs, as a part of the block, where all that is idle is spoken for. */
const WEIGHT = 0.2;

/** What is free on a node. */
export interface NodeRoom {
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
