import { createHash } from 'node:crypto';

import { Gaussian } from '../ann/gaussian.ts';
import { normalise } from '../ann/normalise.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt, vectorsOf } from '../ann/vectors.ts';

/** How far a perturbed vector lies from its original, as a share of its length: at a cosine of 0.89. */
const NOISE = 0.5;

/**
 * More vectors of the distribution of a set: the set itself, then the whole of it again and again, each vector moved by Gaussian noise in
 * every dimension. The same for the same count; a smaller count is a prefix of a larger one.
 */
export function perturbedSet({ name, metric, base, queries }: VectorSet, count: number): VectorSet {
  const { dimensions } = base;
  const values = new Float32Array(count * dimensions);
  values.set(base.values.subarray(0, values.length));
  const noise = new Gaussian(1);
  for (let row = base.count; row < count; row += 1) {
    const original = vectorAt(base, row % base.count);
    const scale = (NOISE * Math.hypot(...original)) / Math.sqrt(dimensions);
    const shift = noise.vector(dimensions, scale);
    values.set(
      shift.map((delta, axis) => delta + (original[axis] ?? 0)),
      row * dimensions,
    );
  }
  if (metric === 'cosine') normalise(values, dimensions);
  return prefix({ name, metric, hash: '', base: vectorsOf(dimensions, values), queries }, count);
}

/** The first of its vectors, as a set. */
export function prefix({ name, metric, base, queries }: VectorSet, count: number): VectorSet {
  const first = vectorsOf(base.dimensions, base.values.subarray(0, count * base.dimensions));
  const hash = createHash('sha256').update(`${metric} ${base.dimensions}`).update(first.values).update(queries.values);
  return { name: `${name}, first ${count}`, metric, hash: hash.digest('hex').slice(0, 16), base: first, queries };
}
