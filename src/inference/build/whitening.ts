import { assert } from '../../kernel/assert.ts';
import type { Matrix } from './matrix.ts';
import type { PrincipalAxes } from './principal-axes.ts';

/** How far `partialWhitening` goes: a variance v becomes v ** (1 - 3/4). */
export const WHITENING_EXPONENT = 0.75;

/**
 * The map onto the principal axes, each axis divided by (standard deviation) ** WHITENING_EXPONENT.
 * What all texts have in common lies on the first axes; this shrinks it and keeps the order of the axes, so prefixes stay meaningful.
 */
export function partialWhitening({ axes, variances }: PrincipalAxes): Matrix {
  const values = axes.values.slice();
  variances.forEach((variance, k) => {
    assert(variance > 0, 'the texts span every axis');
    // v ** (3/8) by square roots: unlike Math.pow they are exact to the bit everywhere.
    const eighthRoot = Math.sqrt(Math.sqrt(Math.sqrt(variance)));
    const scale = 1 / (eighthRoot * eighthRoot * eighthRoot);
    for (let i = 0; i < axes.columns; i++) values[i * axes.columns + k] = values[i * axes.columns + k]! * scale;
  });
  return { columns: axes.columns, values };
}
