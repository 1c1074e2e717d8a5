import { describe, expect, it, vi } from 'vitest';

import { centroidValues, encodeListModel, prepare } from '../../../src/ann/lists/list-model.ts';
import type { ListModel } from '../../../src/ann/lists/list-model.ts';
import { PageMemory } from '../../../src/ann/page-memory.ts';
import { Encoder, encoderBytes, parallelWeight } from '../../../src/ann/training/encoder.ts';
import { TrainKernels } from '../../../src/ann/training/train-kernels.ts';
import type { TrainingOptions } from '../../../src/ann/training/training-state.ts';
import { subspaceDimensionsFor } from '../../../src/ann/training/training-state.ts';
import { Training } from '../../../src/ann/training/training.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { trainModule } from '../../support/fakes/train-module.ts';
import { clustered, trainKernels, trainWhole } from '../../support/oracles/train-whole.ts';

const optionsOf = (metric: Metric, dimensions: number, listCount: number): TrainingOptions => ({
  metric,
  dimensions,
  listCount,
  seed: 5,
  hasLowPlane: true,
  subspaceDimensions: subspaceDimensionsFor(dimensions),
});

function prepared(model: ListModel, values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  prepare(model, values, out);
  return out;
}

/** Encodes every vector in its nearest list. */
function encodeAll({ model, centroids }: ReturnType<Training['result']>, vectors: Float32Array) {
  const encoder = new Encoder(trainKernels, model);
  encoder.setCentroids(centroids.map((centroid, list) => ({ list, centroid })));
  const count = vectors.length / model.dimensions;
  const lists = encoder.assign(vectors, count);
  const encoding = encoder.encode(
    vectors,
    Array.from({ length: count }, (_, i) => i),
    lists,
  );
  encoder.free();
  return { ...encoding, lists };
}

/** The vector that the nibbles of entry `i` stand for. */
function reconstruct({ model, centroids }: ReturnType<Training['result']>, nibbles: Uint8Array, stride: number, i: number, list: number) {
  const { codebook, subspaceDimensions: width } = model;
  return centroidValues(centroids[list]!).map((value, j) => {
    const m = Math.floor(j / width);
    return value + codebook[(m * 16 + nibbles[i * stride + m]!) * width + (j % width)]!;
  });
}

const sizesOf = (lists: Uint32Array, listCount: number): number[] => {
  const sizes = Array.from({ length: listCount }, () => 0);
  for (const list of lists) sizes[list]! += 1;
  return sizes;
};

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, j) => sum + value * b[j]!, 0);

describe('training', () => {
  it('[V102] a step assigns at most 16M products of components or encodes 16k components', () => {
    const kernels = new TrainKernels(trainModule, new PageMemory(32 * 1024 * 1024));
    const [nearest, encode] = [vi.spyOn(kernels, 'nearest'), vi.spyOn(kernels, 'encode')];
    for (const [dimensions, listCount] of [
      [100, 200],
      [4096, 5],
      [8, 4],
    ] as const) {
      const training = Training.start(kernels, optionsOf('l2', dimensions, listCount), clustered(400, dimensions, 8, 0.3, 1));
      for (let isDone = false; !isDone;) {
        nearest.mockClear();
        encode.mockClear();
        isDone = training.step();
        const products = nearest.mock.calls.reduce((sum, [, count]) => sum + count * listCount * dimensions, 0);
        const coded = encode.mock.calls.reduce((sum, [, count]) => sum + count * dimensions, 0);
        expect(products).toBeLessThanOrEqual(16_777_216);
        expect(coded).toBeLessThanOrEqual(16_384);
      }
      training.free();
    }
  });

  it('[V101] gives another result for another seed', () => {
    const sample = clustered(500, 10, 6, 0.4, 2);
    const images = [1, 2].map((seed) => [...encodeListModel(trainWhole({ ...optionsOf('cosine', 10, 8), seed }, sample).model)]);
    expect(images[0]).not.toEqual(images[1]);
  });

  it('[V101] refuses a checkpoint that is truncated or of another shape', () => {
    const sample = clustered(100, 10, 3, 0.4, 2);
    const training = Training.start(trainKernels, optionsOf('dot', 10, 4), sample);
    for (let step = 0; step < 10; step += 1) training.step();
    const checkpoint = training.checkpoint();
    training.free();
    const resume = (bytes: Uint8Array, listCount: number) => Training.resume(trainKernels, optionsOf('dot', 10, listCount), sample, bytes);
    resume(checkpoint, 4).free();
    expect(() => resume(checkpoint.subarray(1), 4)).toThrow('checkpoint');
    expect(() => resume(checkpoint.subarray(0, 3), 4)).toThrow('checkpoint');
    expect(() => resume(checkpoint, 5)).toThrow('checkpoint');
  });

  it('[V107] finds clusters, and gives crowded ones the lists that would be empty', () => {
    // Half of the vectors are in the first cluster, a quarter in the second and so on.
    const values = clustered(4_000, 16, 6, 0.02, 3);
    const result = trainWhole(optionsOf('l2', 16, 24), values);
    const { lists } = encodeAll(result, prepared(result.model, values));
    const sizes = sizesOf(lists, 24);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(Math.max(...sizes) * 24).toBeLessThan(6 * 4_000);
    expect(result.model.distortion).toBeLessThan((16 * 0.02 ** 2) / 3 / 10);
  });

  it('[V109] starts from the best of its trials: most clusters get their own list', () => {
    let found = 0;
    for (let seed = 0; seed < 40; seed += 1) {
      const random = new Seeded(seed + 1);
      const centres = Array.from({ length: 6 }, () => Array.from({ length: 4 }, () => random.next() * 2 - 1));
      const vectors = Array.from({ length: 240 }, () => centres[Math.floor(random.next() * 6)]!);
      const sample = Float32Array.from(vectors.flat(), (value) => value + (random.next() * 2 - 1) * 0.02);
      const lists = trainWhole({ ...optionsOf('dot', 4, 6), seed }, sample).centroids.map(centroidValues);
      found += centres.filter((centre) => lists.some((list) => list.every((value, j) => Math.abs(value - centre[j]!) < 0.04))).length;
    }
    // A single trial would find two thirds.
    expect(found / (40 * 6)).toBeGreaterThan(0.71);
  });

  it('[V106] records in the model the error of the encoder on the sample', () => {
    for (const metric of ['cosine', 'l2', 'dot'] as const) {
      const values = clustered(2_000, 24, 8, 0.4, 4);
      const result = trainWhole(optionsOf(metric, 24, 10), values);
      const vectors = prepared(result.model, values);
      const { entries, squaredError, lists } = encodeAll(result, vectors);
      expect(squaredError / 2_000).toBeCloseTo(result.model.distortion, 10);
      let sum = 0;
      for (let i = 0; i < 2_000; i += 1) {
        const coded = reconstruct(result, entries.nibbles, entries.nibbles.length / 2_000, i, lists[i]!);
        sum += coded.reduce((total, value, j) => total + (value - vectors[i * 24 + j]!) ** 2, 0);
      }
      expect(sum / squaredError).toBeCloseTo(1, 5);
    }
  });

  it('[V104] weighs an error along a vector four times, so high products are more exact', () => {
    expect(parallelWeight('l2')).toBe(0);
    const values = clustered(3_000, 32, 6, 1, 8);
    const result = trainWhole(optionsOf('cosine', 32, 8), values);
    const vectors = prepared(result.model, values);
    const along = (lists: Uint32Array, nibbles: Uint8Array, model: ListModel) => {
      let sum = 0;
      for (let i = 0; i < 3_000; i += 1) {
        const x = vectors.subarray(i * 32, i * 32 + 32);
        const coded = reconstruct({ model, centroids: result.centroids }, nibbles, 16, i, lists[i]!);
        sum +=
          dot(
            x,
            coded.map((value, j) => value - x[j]!),
          ) ** 2;
      }
      return sum / 3_000;
    };
    const weighted = encodeAll(result, vectors);
    // Under `l2` the encoder has no weight: it uses the same codewords, but takes the nearest ones.
    const nearest = encodeAll({ ...result, model: { ...result.model, metric: 'l2', biasStep: 1 } }, vectors);
    const nibbles = nearest.entries.nibbles.filter((_, at) => at % 18 < 16);
    expect(along(weighted.lists, weighted.entries.nibbles, result.model)).toBeLessThan(0.5 * along(nearest.lists, nibbles, result.model));
    expect(nearest.squaredError).toBeLessThan(weighted.squaredError);
    expect(weighted.squaredError).toBeLessThan(1.5 * nearest.squaredError);
  });

  it('[V108] gives entries codes, scales, low bytes and, for l2, the level closest to their bias', () => {
    const values = clustered(1_000, 20, 6, 0.5, 9);
    const result = trainWhole(optionsOf('l2', 20, 6), values);
    const { model, centroids } = result;
    const vectors = prepared(model, values);
    const { entries, lists } = encodeAll(result, vectors);
    const { nibbles, codes, scales, low } = entries;
    const stride = nibbles.length / 1_000;
    const levels = new Set<number>();
    for (let i = 0; i < 1_000; i += 1) {
      for (let j = 0; j < 20; j += 1) {
        const at = i * 20 + j;
        expect(Math.abs(scales[i]! * codes[at]! - vectors[at]!)).toBeLessThanOrEqual(scales[i]! * 0.501);
        expect(Math.abs(scales[i]! * (codes[at]! + low![at]! / 256) - vectors[at]!)).toBeLessThanOrEqual(scales[i]! / 250);
      }
      const coded = reconstruct(result, nibbles, stride, i, lists[i]!);
      const centre = centroidValues(centroids[lists[i]!]!);
      const bias = (dot(centre, centre) - dot(coded, coded)) / 2;
      const level = 16 * nibbles[i * stride + stride - 2]! + nibbles[i * stride + stride - 1]!;
      expect(Math.abs(model.biasMin + model.biasStep * level - bias)).toBeLessThan(0.51 * model.biasStep);
      levels.add(level);
    }
    expect(levels.size).toBeGreaterThan(50);
    expect([Math.min(...levels), Math.max(...levels)]).toEqual([0, 255]);
  });

  it('[V103] encodes for lists by number, with their latest centroids', () => {
    const result = trainWhole(optionsOf('dot', 6, 3), clustered(300, 6, 3, 0.1, 1));
    const encoder = new Encoder(trainKernels, result.model);
    const vector = new Float32Array([0.1, 0.9, 0.2, 0.3, -0.5, 0]);
    const [first, second] = [result.centroids[0]!, result.centroids[1]!];
    encoder.setCentroids([{ list: 70_000, centroid: first }]);
    expect([...encoder.assign(vector, 1)]).toEqual([70_000]);
    encoder.setCentroids([
      { list: 9, centroid: second },
      { list: 4, centroid: first },
      { list: 5, centroid: first },
    ]);
    expect([9, 4]).toContain(encoder.assign(vector, 1)[0]);
    expect([...encoder.assign(centroidValues(first), 1)]).toEqual([4]);
    expect(encoder.bytes).toBe(encoderBytes(6, 1, 3));
    expect(() => encoder.encode(vector, [1], Uint32Array.of(70_000))).toThrow('a list has a centroid');
    const { entries } = encoder.encode(vector, [2 ** 32 - 1], Uint32Array.of(5));
    expect([...entries.rows]).toEqual([2 ** 32 - 1]);
    encoder.free();
  });

  it('uses more subspaces for more dimensions, at most 512', () => {
    const random = new Seeded(1);
    let widest = 0;
    for (let dimensions = 2; dimensions <= 4_096; dimensions += 1 + Math.floor(random.next() * 20)) {
      const width = subspaceDimensionsFor(dimensions);
      expect(width).toBeGreaterThanOrEqual(widest);
      expect(Math.ceil(dimensions / width)).toBeLessThanOrEqual(512);
      widest = width;
    }
    expect([100, 384, 768, 1536, 3072, 4096].map(subspaceDimensionsFor)).toEqual([3, 4, 4, 4, 6, 8]);
  });
});
