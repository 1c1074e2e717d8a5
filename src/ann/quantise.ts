import { assert } from '../kernel/assert.ts';
import type { Metric } from '../contract/indexes/index-settings.ts';

/** Codes of a stored vector lie in [-127, 127]. */
export const CODE_MAX = 127;

// Relative allowance, in each error bound, for what float64 rounding adds to the arithmetic around the bound. The largest such
// effect is a difference of squares (relative 1e-15) under a square root, about 3e-8; the quantisation errors are near 1e-2.
const ROUNDING = 1e-7;

/** What quantising lost: `values` of the vector equal `scale` times its codes, plus a rest no longer than `error`. */
export interface Quantised {
  readonly scale: number;
  /** Bounds the Euclidean length of the rest, rounding included. */
  readonly error: number;
  /** Euclidean length of `scale` times the codes. */
  readonly length: number;
}

/**
 * Writes the codes of a vector: integers in [-codeMax, codeMax], under one scale for the whole vector.
 * A cosine compares directions, so there the vector is brought to unit length first; zeros stay zeros.
 */
export function quantise(metric: Metric, values: Float32Array, codeMax: number, codes: Int8Array | Int16Array): Quantised {
  const unit = metric === 'cosine' ? 1 / (euclideanLength(values) || 1) : 1;
  let largest = 0;
  for (let i = 0; i < values.length; i += 1) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  largest *= unit;
  const scale = largest / codeMax;
  const inverse = largest === 0 ? 0 : codeMax / largest;
  let squaredCodes = 0;
  let squaredRest = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]! * unit;
    // Every vector comes through here: with `Math.round` and `Math.max`, which mind signed zeros and NaN, it takes three times as long.
    const code = Math.floor(value * inverse + 0.5);
    const rest = value - code * scale;
    codes[i] = code;
    squaredCodes += code * code;
    squaredRest += rest * rest;
  }
  const length = scale * Math.sqrt(squaredCodes);
  const rest = Math.sqrt(squaredRest);
  assert(Number.isFinite(rest), 'values are finite');
  return { scale, length, error: rest + ROUNDING * (length + rest) };
}

/** The finest int16 codes a query may have so that its product with any stored codes fits 32 signed bits: scans stay exact integers. */
export const queryCodeMax = (dimensions: number): number => Math.min(2 ** 15 - 1, Math.floor((2 ** 31 - 1) / (CODE_MAX * dimensions)));

function euclideanLength(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}
