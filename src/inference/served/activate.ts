import type { Activation } from './served-manifest.ts';

/** Scores of rows of `columns` numbers, as a model's last layer answers them. */
export function activate(logits: Float32Array, columns: number, activation: Activation): Float32Array<ArrayBuffer> {
  if (activation === 'none') return Float32Array.from(logits);
  if (activation === 'sigmoid') return Float32Array.from(logits, (x) => 1 / (1 + Math.exp(-x)));
  const scores = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += columns) {
    const row = logits.subarray(start, start + columns);
    // The largest is taken off first, so that no power overflows.
    const most = row.reduce((max, x) => Math.max(max, x), -Infinity);
    const powers = Array.from(row, (x) => Math.exp(x - most));
    const sum = powers.reduce((total, power) => total + power, 0);
    for (const [i, power] of powers.entries()) scores[start + i] = power / sum;
  }
  return scores;
}
