import { Seeded } from '../../../src/kernel/seeded.ts';

/** What a simulation draws: the same for the same seed. */
export class Chance extends Seeded {
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** With the median and with the standard deviation of the logarithm given. */
  logNormal(median: number, spread: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
    return median * Math.exp(spread * normal);
  }
}
