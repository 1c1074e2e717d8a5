import { createHash } from 'node:crypto';

import { Gaussian } from '../ann/gaussian.ts';
import { normalise } from '../ann/normalise.ts';
import type { VectorSet } from '../ann/vector-set.ts';
import { vectorAt, vectorsOf } from '../ann/vectors.ts';

/** The distance of a perturbed vector from its original, relative to its length: a cosine of 0.89. */
const NOISE = 0.5;

/**
 * More vectors of a set's distribution: the set itself, then copies of it with Gaussian noise in every dimension. The result depends only
 * on the set and the count, and a smaller count gives a prefix of a larger one.
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

/** The first `count` of its vectors, as a set. */
export function prefix({ name, metric, base, queries }: VectorSet, count: number): VectorSet {
  const first = vectorsOf(base.dimensions, base.values.subarray(0, count * base.dimensions));
  const hash = createHash('sha256').update(`${metric} ${base.dimensions}`).update(first.values).update(queries.values);
  return { name: `${name}, first ${count}`, metric, hash: hash.digest('hex').slice(0, 16), base: first, queries };
}
