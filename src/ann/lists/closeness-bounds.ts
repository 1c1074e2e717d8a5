import { CODE_MAX } from '../quantise.ts';

/** For a dimension that was rounded to int8, in units of its scale: half a unit, and the earlier error of float32. */
const ROUNDING = 0.501;
/** Scales of vectors next to zero are rounded, too. */
export const SCALE_ERROR = 1e-42;
/** Relative, of float64 sums of products. */
export const ARITHMETIC = 1e-12;

/** For a scale of 1: how long that may be which a vector's codes lose of it, and how long it is itself at most. */
export interface CodeBounds {
  readonly lost: number;
  readonly length: number;
}

/**
 * How far the closeness of a vector may be from that of its codes, as wasm/probe/weed.ts adds it up. With e for what the codes lose of x,
 * and d for what the query's lose of q: q.x differs by at most |q||e| + |d||x|, and q.x - |x|^2 / 2 by at most |q - x||e| + |e|^2 / 2 + |d||x|.
 */
export const codeBounds = (dimensions: number): CodeBounds => ({
  lost: Math.sqrt(dimensions) * ROUNDING,
  length: Math.sqrt(dimensions) * (CODE_MAX + 1),
});
