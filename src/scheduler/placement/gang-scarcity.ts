import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import { contention } from './contention.ts';
import type { IdleCapacity } from './idle-capacity.ts';
import type { WeightedShape } from './shape.ts';
import { acceleratorMilli } from './shape.ts';

/** What breaking up a block costs, as a part of the block, where all that is idle is spoken for. */
const WEIGHT = 0.1;

/** Numbers of whole accelerators that jobs take together on one node, from 2 on. */
export function gangSizes(mix: readonly WeightedShape[]): readonly number[] {
  const sizes = new Set(mix.filter(isGang).map(({ shape }) => shape.acceleratorCount));
  return [...sizes].toSorted((a, b) => a - b);
}

/** The price of breaking up blocks of whole accelerators on one node that a job of several could take together. */
export class GangScarcity {
  readonly #sizes: readonly number[];
  /** The share of the usual demand that is for as many or more. */
  readonly #demandShares: readonly number[];

  constructor(mix: readonly WeightedShape[]) {
    this.#sizes = gangSizes(mix);
    const gangs = mix.filter(isGang);
    this.#demandShares = this.#sizes.map(
      (size) => milliOf(gangs.filter(({ shape }) => shape.acceleratorCount >= size)) / Math.max(1, milliOf(mix)),
    );
  }

  /** What a block of each of the sizes costs a job of `acceleratorCount`, in thousandths: what needs as much itself pays nothing. */
  prices(idle: IdleCapacity, acceleratorCount: number): readonly number[] {
    return this.#sizes.map((size, index) => {
      if (acceleratorCount >= size) return 0;
      const blockMilli = size * WHOLE_MILLI;
      return WEIGHT * blockMilli * contention(this.#demandShares[index] ?? 0, idle.totalMilli, idle.blocks(index) * blockMilli);
    });
  }

  /** The prices of what is broken up when `taken` of `whole` whole accelerators of a node are taken. */
  broken(prices: readonly number[], whole: number, taken: number): number {
    let price = 0;
    for (const [index, size] of this.#sizes.entries()) {
      price += (prices[index] ?? 0) * (Math.floor(whole / size) - Math.floor((whole - taken) / size));
    }
    return price;
  }
}

const isGang = ({ shape }: WeightedShape): boolean => shape.acceleratorCount > 1 && shape.milliEach === WHOLE_MILLI;

function milliOf(mix: readonly WeightedShape[]): number {
  return mix.reduce((total, { shape, weight }) => total + weight * acceleratorMilli(shape), 0);
}
