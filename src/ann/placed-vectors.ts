import { must } from '../kernel/assert.ts';
import type { PlacedVector, VectorPlace } from './vector-store.ts';

/** Vectors with their rows; `values`: [places.length x dimensions]. */
export function* placed(places: readonly VectorPlace[], values: Float32Array, dimensions: number): Generator<PlacedVector> {
  for (let i = 0; i < places.length; i += 1) {
    yield { ...must(places[i], 'i is an index of the rows'), values: values.subarray(i * dimensions, (i + 1) * dimensions) };
  }
}
