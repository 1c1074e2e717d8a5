import type { ClusterState } from '../../engine/model/cluster-state.ts';
import { candidateMasks, freeAfter } from '../../engine/placement/accelerator-masks.ts';
import { Fragmentation } from '../../engine/placement/fragmentation.ts';
import type { NodeChoice, NodeCost } from '../../engine/placement/cost-board.ts';
import type { Shape, WeightedShape } from '../../engine/placement/workload-mix.ts';
import { WHOLE_MILLI } from '../../engine/model/pool-spec.ts';

/**
 * Fragmentation Gradient Descent as published (Weng et al., ATC 2023): how much the fragmentation of a node falls, squeezed into whole
 * points from 0 to 100. Many nodes get the same points: that the first of them is taken is part of its results.
 */
export class FgdCost implements NodeCost {
  readonly #cluster: ClusterState;
  readonly #typical: readonly WeightedShape[];
  readonly #fragmentation = new Map<string, Fragmentation>();

  constructor(cluster: ClusterState, typical: readonly WeightedShape[]) {
    this.#cluster = cluster;
    this.#typical = typical;
  }

  choose(node: number, shape: Shape): NodeChoice {
    const cpuFree = this.#cluster.columns.cpuFreeMilli[node] ?? 0;
    const before = this.#milli(node, cpuFree, freeAfter(this.#cluster, node, 0, 0));
    let best: NodeChoice = { cost: Infinity, mask: 0 };
    for (const mask of candidateMasks(this.#cluster, node, shape)) {
      const after = this.#milli(node, cpuFree - shape.cpuMilli, freeAfter(this.#cluster, node, mask, shape.milliEach));
      const points = Math.floor(100 / (1 + Math.exp((after - before) / WHOLE_MILLI)));
      if (-points < best.cost) best = { cost: -points, mask };
    }
    return best;
  }

  #milli(node: number, cpuFreeMilli: number, free: readonly number[]): number {
    const { accelerator } = this.#cluster.spec(node);
    if (accelerator === null) return 0;
    const known = this.#fragmentation.get(accelerator) ?? new Fragmentation(this.#typical, accelerator);
    this.#fragmentation.set(accelerator, known);
    return known.milli(cpuFreeMilli, free);
  }
}

/** How many of the jobs the typical ones stand for. */
const COVERED = 0.95;

/** The most popular combinations of CPU, accelerators and types, memory left aside, that stand for 95 % of the jobs; their weights add up to 1. */
export function typicalShapes(shapes: readonly WeightedShape[]): readonly WeightedShape[] {
  const merged = new Map<string, { shape: Shape; weight: number }>();
  for (const { shape, weight } of shapes) {
    const { cpuMilli, acceleratorCount, milliEach, accelerators } = shape;
    const key = JSON.stringify([cpuMilli, acceleratorCount, milliEach, accelerators === null ? null : [...accelerators]]);
    merged.set(key, { shape, weight: weight + (merged.get(key)?.weight ?? 0) });
  }
  const sorted = [...merged.values()].toSorted((a, b) => b.weight - a.weight);
  const jobs = sorted.reduce((sum, { weight }) => sum + weight, 0);
  let covered = 0;
  const typical: WeightedShape[] = [];
  for (const entry of sorted) {
    if (covered >= COVERED * jobs) break;
    typical.push(entry);
    covered += entry.weight;
  }
  return typical.map(({ shape, weight }) => ({ shape, weight: weight / covered }));
}

/** Percent of the accelerators that FGD allocates once so much has arrived. */
interface PublishedAllocation {
  readonly 95: number;
  readonly 100: number;
  readonly 130: number;
}

/**
 * FGD's results as published with its simulator (hkust-adsl/kubernetes-scheduler-simulator, `analysis_allo_discrete.csv`): means over the seeds 42 to 51,
 * by the name of the list of jobs.
 */
export const PUBLISHED_FGD: Readonly<Record<string, PublishedAllocation>> = {
  default: { 95: 94.91, 100: 95.23, 130: 95.39 },
  cpu050: { 95: 94.81, 100: 95.0, 130: 95.21 },
  cpu100: { 95: 94.91, 100: 95.21, 130: 95.35 },
  cpu200: { 95: 94.69, 100: 94.82, 130: 95.05 },
  cpu250: { 95: 93.14, 100: 93.2, 130: 93.41 },
  gpushare40: { 95: 93.92, 100: 93.96, 130: 94.15 },
  gpushare60: { 95: 91.21, 100: 91.25, 130: 91.4 },
  gpushare80: { 95: 89.03, 100: 89.08, 130: 89.3 },
  gpushare100: { 95: 86.59, 100: 86.64, 130: 86.9 },
  gpuspec10: { 95: 90.38, 100: 94.66, 130: 94.95 },
  gpuspec20: { 95: 90.83, 100: 94.66, 130: 94.84 },
  gpuspec25: { 95: 89.76, 100: 93.91, 130: 94.74 },
  gpuspec33: { 95: 84.25, 100: 87.84, 130: 94.55 },
  multigpu20: { 95: 94.94, 100: 95.53, 130: 95.65 },
  multigpu30: { 95: 95.0, 100: 96.36, 130: 96.46 },
  multigpu40: { 95: 94.95, 100: 96.91, 130: 96.99 },
  multigpu50: { 95: 94.82, 100: 97.09, 130: 97.18 },
};
