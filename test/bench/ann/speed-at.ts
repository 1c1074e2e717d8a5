import type { Point } from './curves.ts';

/**
 * Queries a second at a recall, interpolated between two neighbouring points of a curve (linearly in the logarithm of the speed). Undefined
 * if the curve does not reach the recall; if it starts above it, the speed of its first point.
 */
export function speedAt(points: readonly Point[], recall: number, speedOf: (point: Point) => number): number | undefined {
  const curve = points.toSorted((a, b) => a.recall - b.recall);
  const above = curve.findIndex((point) => point.recall >= recall);
  const [low, high] = [curve[above - 1], curve[above]];
  if (high === undefined) return undefined;
  if (low === undefined || low.recall === high.recall) return speedOf(high);
  const share = (recall - low.recall) / (high.recall - low.recall);
  return Math.round(Math.exp((1 - share) * Math.log(speedOf(low)) + share * Math.log(speedOf(high))));
}
