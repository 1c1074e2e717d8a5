import type { WeightedShape } from './workload-mix.ts';
import { acceptsType } from './workload-mix.ts';

/** Shapes that need as much of each accelerator, so that the accelerators are looked through once for all of them. */
interface Rung {
  readonly milliEach: number;
  readonly cpuMilli: number[];
  readonly counts: number[];
  readonly weights: number[];
}

/**
 * The idle part of a node's accelerators that the next job could not use, in expectation over the jobs usually seen: the measure of Weng
 * et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent" (USENIX ATC 2023). A float:
 * rounded to whole points, as published, differences of less than about 40 thousandths are lost.
 */
export class Fragmentation {
  readonly #rungs: readonly Rung[];
  /** The weight of shapes that can use nothing of this type, whatever is free. */
  readonly #unsuitable: number;

  /** For nodes with accelerators of `type`. */
  constructor(mix: readonly WeightedShape[], type: string) {
    const rungs = new Map<number, Rung>();
    let unsuitable = 0;
    for (const { shape, weight } of mix) {
      if (shape.acceleratorCount === 0 || !acceptsType(shape, type)) {
        unsuitable += weight;
        continue;
      }
      const rung = rungs.get(shape.milliEach) ?? { milliEach: shape.milliEach, cpuMilli: [], counts: [], weights: [] };
      rungs.set(shape.milliEach, rung);
      rung.cpuMilli.push(shape.cpuMilli);
      rung.counts.push(shape.acceleratorCount);
      rung.weights.push(weight);
    }
    this.#rungs = [...rungs.values()];
    this.#unsuitable = unsuitable;
  }

  /** Thousandths of an accelerator, for what is free of each accelerator of a node. */
  milli(cpuFreeMilli: number, free: readonly number[]): number {
    let idle = 0;
    for (const milli of free) idle += milli;
    if (idle === 0) return 0;
    let wasted = this.#unsuitable * idle;
    for (const { milliEach, cpuMilli, counts, weights } of this.#rungs) {
      let enough = 0;
      let tooLittle = 0;
      for (const milli of free) {
        if (milli >= milliEach) enough += 1;
        else tooLittle += milli;
      }
      for (let index = 0; index < weights.length; index++) {
        const fits = enough >= (counts[index] ?? 0) && cpuFreeMilli >= (cpuMilli[index] ?? 0);
        wasted += (weights[index] ?? 0) * (fits ? tooLittle : idle);
      }
    }
    return wasted;
  }
}
