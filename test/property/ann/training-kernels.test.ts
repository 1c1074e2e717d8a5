import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Centroid } from '../../../src/ann/lists/list-model.ts';
import { centroidOf, centroidValues } from '../../../src/ann/lists/list-model.ts';
import { PAGE_BYTES, PageMemory } from '../../../src/ann/page-memory.ts';
import { batchCountMax, NearestCentroids } from '../../../src/ann/training/nearest-centroids.ts';
import { momentSize, ProductCoder } from '../../../src/ann/training/product-coder.ts';
import { TrainKernels } from '../../../src/ann/training/train-kernels.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { plainEncode, plainNearest, plainUnit } from '../../support/oracles/plain-training.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { trainModule } from '../../support/fakes/train-module.ts';

const kernels = new TrainKernels(trainModule, new PageMemory(64 * PAGE_BYTES));
const random = new Seeded(100);

const shape = fc.record({
  dimensions: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(100, 384)),
  count: fc.integer({ min: 1, max: 40 }),
  lists: fc.integer({ min: 1, max: 40 }),
  // Sizes of the vectors, the centroids and the codebook: all magnitudes of float32.
  sizes: fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(1, 1, 1, 1e-3, 1e3, 1e-20, 1e-40, 1e38, 0))),
  width: fc.integer({ min: 1, max: 8 }),
  isCoarse: fc.boolean(),
});

/** Components with few distinct values make ties. */
function randomVectors(count: number, dimensions: number, size: number, isCoarse: boolean): Float32Array {
  const draw = () => (isCoarse ? Math.floor(random.next() * 3) - 1 : random.next() * 2 - 1);
  return Float32Array.from({ length: count * dimensions }, () => draw() * size);
}

function spoil(): void {
  const { int8 } = kernels.memory.views;
  for (let i = 0; i < 20_000; i += 1)
    int8[PAGE_BYTES + Math.floor(random.next() * (int8.length - PAGE_BYTES))] = Math.floor(random.next() * 255) - 127;
}

function holding(centroids: readonly Centroid[]): NearestCentroids {
  const held = new NearestCentroids(kernels, centroids[0]!.codes.length, centroids.length);
  held.reset(centroids.length, Math.max(...centroids.map(({ scale }) => scale)));
  for (const [place, centroid] of centroids.entries()) held.put(place, centroid);
  return held;
}

const rowOf = (values: Float32Array, i: number, dimensions: number) => values.subarray(i * dimensions, (i + 1) * dimensions);

function randomCentroids(count: number, dimensions: number, size: number, isCoarse: boolean): Centroid[] {
  const values = randomVectors(count, dimensions, size, isCoarse);
  return Array.from({ length: count }, (_, i) => centroidOf(rowOf(values, i, dimensions)));
}

const squaredDistance = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, j) => sum + (value - b[j]!) ** 2, 0);

describe('the training kernels', () => {
  it('[V100] find the same centroids as plain loops', () => {
    const seen = { ties: 0, tails: 0, extreme: 0, notFirst: 0 };
    fc.assert(
      fc.property(shape, ({ dimensions, count, lists, sizes, isCoarse }) => {
        spoil();
        const vectors = randomVectors(count, dimensions, sizes[0]!, isCoarse);
        const centroids = randomCentroids(lists, dimensions, sizes[1]!, isCoarse);
        const places = new Uint32Array(count);
        const held = holding(centroids);
        held.nearest(vectors, count, places);
        held.free();
        const expected = Array.from(places, (_, i) => plainNearest(rowOf(vectors, i, dimensions), centroids));
        expect([...places]).toEqual(expected);
        if (isCoarse && dimensions < 4) seen.ties += 1;
        if (lists % 8 !== 0 && count % 4 !== 0) seen.tails += 1;
        if (sizes[0] !== sizes[1]) seen.extreme += 1;
        seen.notFirst += expected.filter((place) => place > 0).length;
      }),
      { seed: 100, numRuns: effort(200, 6_000) },
    );
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(10);
  });

  it('[V100] encode as plain loops do, to the bit, and gather the sums for new codewords', () => {
    const seen = { descended: 0, padded: 0, extreme: 0, several: 0 };
    fc.assert(
      fc.property(shape, fc.constantFrom(0, 1, 2, 3), ({ dimensions, count, lists, sizes, isCoarse, width }, weight) => {
        spoil();
        const subspaces = { dimensions, width, count: Math.ceil(dimensions / width) };
        const vectors = randomVectors(count, dimensions, sizes[0]!, isCoarse);
        const centroids = randomCentroids(lists, dimensions, sizes[1]!, isCoarse);
        const codebook = randomVectors(subspaces.count * 16, width, sizes[2]! / 2, isCoarse);
        for (let pad = dimensions; pad < subspaces.count * width; pad += 1) {
          for (let k = 0; k < 16; k += 1) codebook[((subspaces.count - 1) * 16 + k) * width + (pad % width)] = 0;
        }
        const places = Uint32Array.from({ length: count }, () => Math.floor(random.next() * lists));
        const held = holding(centroids);
        const coder = new ProductCoder(kernels, subspaces, true);
        coder.setCodebook(codebook, weight);
        const out = {
          nibbles: new Uint8Array(count * subspaces.count),
          stride: subspaces.count,
          errors: new Float64Array(count),
          biases: new Float64Array(count),
        };
        const batch = batchCountMax(dimensions);
        for (let from = 0; from < count; from += batch) coder.encode(vectors, from, Math.min(count, from + batch), held, places, out);
        const moments = Array.from({ length: subspaces.count }, (_, m) => coder.momentsOf(m));
        coder.free();
        held.free();

        const model = { dimensions, subspaceDimensions: width, codebook };
        const size = momentSize(width);
        const gathered = moments.map(() => new Float64Array(16 * size));
        for (let i = 0; i < count; i += 1) {
          const plain = plainEncode(rowOf(vectors, i, dimensions), centroids[places[i]!]!, centroids, model, weight);
          expect([...out.nibbles.subarray(i * subspaces.count, (i + 1) * subspaces.count)]).toEqual(plain.nibbles);
          expect(out.errors[i]).toBe(plain.error);
          expect(out.biases[i]! + 0).toBe(plain.bias + 0);
          for (const [m, code] of plain.nibbles.entries()) {
            const moment = gathered[m]!.subarray(code * size, (code + 1) * size);
            const r = plain.residual.slice(m * width, (m + 1) * width);
            const u = plain.direction.slice(m * width, (m + 1) * width);
            const along = r.reduce((sum, value, j) => sum + value * u[j]!, plain.others[m]!);
            const outer = u.flatMap((value, j) => u.slice(j).map((other) => value * other));
            for (const [j, term] of [1, ...r.map((value, k) => [value, weight * u[k]! * along]), ...outer].entries()) {
              for (const part of [term].flat()) moment[j]! += part;
            }
          }
          const nearest = plainEncode(rowOf(vectors, i, dimensions), centroids[places[i]!]!, centroids, model, 0);
          if (nearest.nibbles.some((code, m) => code !== plain.nibbles[m])) seen.descended += 1;
        }
        expect(moments.map((moment) => [...moment.moments])).toEqual(gathered.map((moment) => [...moment]));
        expect(moments[0]!.unit).toBe(plainUnit(Math.max(...codebook.map(Math.abs))));
        if (dimensions % width !== 0) seen.padded += 1;
        if (new Set(sizes).size > 1) seen.extreme += 1;
        if (count > 20) seen.several += 1;
      }),
      { seed: 101, numRuns: effort(80) },
    );
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(10);
  });

  it('[V100] accept up to 4,096 dimensions, in batches', () => {
    for (const dimensions of [2, 768, 1536, 4096]) {
      const count = batchCountMax(dimensions) + 3;
      const vectors = randomVectors(count, dimensions, 1, false);
      const centroids = randomCentroids(9, dimensions, 1, false);
      const held = holding(centroids);
      const places = new Uint32Array(count);
      held.nearest(vectors, count, places);
      const checked = [0, 1, count - 4, count - 1];
      expect(checked.map((i) => places[i])).toEqual(checked.map((i) => plainNearest(rowOf(vectors, i, dimensions), centroids)));
      held.free();
    }
  });

  it('[V103] find the centroid at the least distance, to the precision of 16 bits', () => {
    let decided = 0;
    for (let trial = 0; trial < 40; trial += 1) {
      const dimensions = 2 + Math.floor(random.next() * 60);
      const vectors = randomVectors(50, dimensions, 10 ** (trial % 7), false);
      const centroids = randomCentroids(30, dimensions, 10 ** (trial % 7), false);
      const held = holding(centroids);
      const places = new Uint32Array(50);
      held.nearest(vectors, 50, places);
      held.free();
      for (const [i, place] of places.entries()) {
        const x = rowOf(vectors, i, dimensions);
        const distances = centroids.map((centroid) => squaredDistance(x, centroidValues(centroid)));
        const least = Math.min(...distances);
        expect(distances[place]! - least).toBeLessThan(1e-3 * least);
        if (distances.indexOf(least) === place) decided += 1;
      }
    }
    expect(decided).toBeGreaterThan(1_950);
  });
});
