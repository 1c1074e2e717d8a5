import type { Shape, WeightedShape } from '../../engine/placement/shape.ts';

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
