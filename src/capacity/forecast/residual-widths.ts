import { must } from '../../kernel/assert.ts';
import type { Residual } from './forecast-trials.ts';

/** Steps within this factor err alike, and together they are enough for a quantile. */
const NEAR = 2;

/** How far ahead the trials looked, and how far ahead and how surely the forecast is to. */
export interface WidthTerms {
  readonly triedSteps: number;
  readonly steps: number;
  readonly level: number;
}

/**
 * Half the width of the interval of each step ahead, in levels of the series: the quantile of the residuals of steps about as far ahead. Widths never shrink
 * with the steps. Beyond those that were tried they grow by a power of the step: none where errors of neighbouring steps are independent, the root, as a
 * random walk's, or as steeply as in the trials, where they are alike. [K11]
 */
export function widthsOf(residuals: readonly Residual[], { triedSteps, steps, level }: WidthTerms): number[] {
  const alike = likenessOf(residuals);
  const tried = rising(
    Array.from({ length: triedSteps }, (_, position) => {
      const step = position + 1;
      const near = residuals.filter((residual) => residual.step >= step / NEAR && residual.step <= step * NEAR);
      const positions = new Set(near.map(({ at }) => at)).size;
      // Trials that look at the same steps err alike, and so do neighbours: as far as they do, a forecast of many steps is one observation.
      const independent = Math.max(1, positions / (1 + position * alike));
      const sizes = near.map(({ scaled }) => Math.abs(scaled));
      return conformalQuantile(sizes, level, independent);
    }),
  );
  const widest = must(tried.at(-1), 'trials look a step ahead at least');
  const power = alike * Math.min(1, Math.max(1 / 2, growthPowerOf(residuals, triedSteps)));
  return Array.from({ length: steps }, (_, position) => tried[position] ?? widest * ((position + 1) / triedSteps) ** power);
}

/**
 * The size that a further error exceeds with a chance of at most 1 - level, if it is exchangeable with these, of which `independent` are independent. A level
 * too high for so few gets the largest of them, enlarged in proportion to how many are missing.
 */
export function conformalQuantile(sizes: readonly number[], level: number, independent = sizes.length): number {
  const sorted = sizes.toSorted((a, b) => a - b);
  const share = (level * (independent + 1)) / Math.max(1, independent);
  if (share > 1) return (sorted.at(-1) ?? 0) * share;
  // A share of a count that is whole but for its rounding is that count.
  return sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)] ?? 0;
}

/** The power of the step that errors grow by: from the steps of the nearer half of the trials to those of the farther one, three times as far ahead. */
function growthPowerOf(residuals: readonly Residual[], triedSteps: number): number {
  const meanOf = (of: (step: number) => boolean): number => {
    const sizes = residuals.filter(({ step }) => of(step)).map(({ scaled }) => Math.abs(scaled));
    return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  };
  const power = Math.log(meanOf((step) => step > triedSteps / 2) / meanOf((step) => step <= triedSteps / 2)) / Math.log(3);
  return Number.isFinite(power) ? power : 0;
}

/** The correlation of the errors of neighbouring steps of one trial about zero, from 0 to 1. */
function likenessOf(residuals: readonly Residual[]): number {
  let [products, squares] = [0, 0];
  for (const [position, { step, scaled }] of residuals.entries()) {
    const next = residuals[position + 1];
    if (next?.step !== step + 1) continue;
    products += scaled * next.scaled;
    squares += (scaled ** 2 + next.scaled ** 2) / 2;
  }
  return squares === 0 ? 0 : Math.max(0, products / squares);
}

/** The rising series nearest to this one in squares: falling neighbours take their mean (pool adjacent violators, Ayer et al. 1955). */
function rising(values: readonly number[]): number[] {
  const blocks: { readonly mean: number; readonly count: number }[] = [];
  for (const value of values) {
    let block = { mean: value, count: 1 };
    for (let last = blocks.at(-1); last !== undefined && last.mean > block.mean; last = blocks.at(-1)) {
      const count = last.count + block.count;
      block = { mean: (last.mean * last.count + block.mean * block.count) / count, count };
      blocks.pop();
    }
    blocks.push(block);
  }
  return blocks.flatMap(({ mean, count }) => Array.from({ length: count }, () => mean));
}
