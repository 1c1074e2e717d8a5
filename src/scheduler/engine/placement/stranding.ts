import type { WeightedShape } from './shape.ts';
import { acceleratorMilli } from './shape.ts';

/**
 * The idle part of a node's accelerators that would be left when its CPU runs out, were it filled with jobs of one shape, in expectation
 * over the shapes usually seen. Fragmentation looks one job ahead; this looks to the end, when it is too late to leave CPU for
 * accelerators.
 */
export class Stranding {
  /** CPU per thousandth of an accelerator, highest first, with the share of the demand for accelerators that needs as much. */
  readonly #ratios: readonly { readonly cpuPerMilli: number; readonly share: number }[];

  constructor(mix: readonly WeightedShape[]) {
    const users = mix.filter(({ shape }) => shape.acceleratorCount > 0 && shape.cpuMilli > 0);
    const total = users.reduce((sum, { shape, weight }) => sum + weight * acceleratorMilli(shape), 0);
    this.#ratios = users
      .map(({ shape, weight }) => ({
        cpuPerMilli: shape.cpuMilli / acceleratorMilli(shape),
        share: (weight * acceleratorMilli(shape)) / total,
      }))
      .toSorted((a, b) => b.cpuPerMilli - a.cpuPerMilli);
  }

  /** Thousandths of an accelerator. */
  milli(cpuFreeMilli: number, idleMilli: number): number {
    let stranded = 0;
    for (const { cpuPerMilli, share } of this.#ratios) {
      const left = idleMilli - cpuFreeMilli / cpuPerMilli;
      if (left <= 0) break;
      stranded += share * left;
    }
    return stranded;
  }
}
