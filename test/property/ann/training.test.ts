import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { encodeListModel, prepare, subspaceCount } from '../../../src/ann/lists/list-model.ts';
import { Encoder } from '../../../src/ann/training/encoder.ts';
import { subspaceDimensionsFor } from '../../../src/ann/training/training-state.ts';
import type { TrainingOptions } from '../../../src/ann/training/training-state.ts';
import { Training, trainingBytes } from '../../../src/ann/training/training.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { clustered, trainKernels, trainWhole } from '../../support/oracles/train-whole.ts';

const image = ({ model, centroids }: ReturnType<Training['result']>) => ({
  model: [...encodeListModel(model)],
  centroids: centroids.map(({ codes, scale }) => [scale, ...codes]),
});

const scenario = fc.record({
  metric: fc.constantFrom(...METRICS),
  dimensions: fc.integer({ min: 2, max: 12 }),
  listCount: fc.integer({ min: 1, max: 12 }),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  hasLowPlane: fc.boolean(),
  subspaceDimensions: fc.integer({ min: 1, max: 4 }),
});

describe('training', () => {
  it('[V101] gives the same bytes whether it runs at once, in slices, or resumed', () => {
    let interrupted = 0;
    const cuts = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(scenario, fc.integer({ min: 1, max: 300 }), cuts, (options, count, steps) => {
        const sample = clustered(count, options.dimensions, 5, 0.2, options.seed);
        const expected = image(trainWhole(options, sample));
        let training = Training.start(trainKernels, options, sample.slice());
        for (const stepCount of steps) {
          let isDone = false;
          for (let step = 0; step < stepCount && !isDone; step += 1) isDone = training.step();
          const checkpoint = training.checkpoint();
          training.free();
          // Overwrites the kernels' memory and moves it, so that nothing may depend on its old content.
          trainKernels.memory.views.uint8.fill(0xff, 65_536);
          const held = trainKernels.memory.allocate();
          training = Training.resume(trainKernels, options, sample.slice(), checkpoint);
          trainKernels.memory.free(held);
          if (!isDone) interrupted += 1;
        }
        while (!training.step());
        training.free();
        expect(image(training.result())).toEqual(expected);
      }),
      { seed: 101, numRuns: effort(60) },
    );
    expect(interrupted).toBeGreaterThan(100);
  });

  it('[V105] learns a valid model from any finite vectors, even degenerate ones, and encodes any others', () => {
    const component = fc.constantFrom(
      0,
      1,
      -1,
      0.5,
      1e-45,
      -1e-40,
      1e-20,
      1e20,
      1e38,
      -1e38,
      3.4028234663852886e38,
      -3.4028234663852886e38,
    );
    const seen = { fewDistinct: 0, huge: 0 };
    const vectors = (dimensions: number, maxLength: number) =>
      fc.array(fc.array(component, { minLength: dimensions, maxLength: dimensions }), { minLength: 1, maxLength });
    const trial = scenario.chain((options) =>
      fc.record({
        options: fc.constant(options),
        distinct: vectors(options.dimensions, 8),
        others: vectors(options.dimensions, 8),
        count: fc.integer({ min: 1, max: 60 }),
      }),
    );
    fc.assert(
      fc.property(trial, ({ options, distinct, others, count }) => {
        const sample = Float32Array.from(Array.from({ length: count }, (_, i) => distinct[i % distinct.length]!).flat());
        const result = trainWhole(options, sample);
        expectValid(options, result, Float32Array.from([...distinct, ...others].flat()));
        if (new Set(distinct.map(String)).size < Math.min(16, options.listCount)) seen.fewDistinct += 1;
        if (sample.some((value) => Math.abs(value) > 1e37)) seen.huge += 1;
      }),
      { seed: 105, numRuns: effort(150) },
    );
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(20);
  });

  it.each(METRICS)('[V105] %s: works up to 4,096 dimensions, in the stated memory', (metric) => {
    for (const dimensions of [2, 129, 1536, 4096]) {
      const options = {
        metric,
        dimensions,
        listCount: 3,
        seed: 1,
        hasLowPlane: true,
        subspaceDimensions: subspaceDimensionsFor(dimensions),
      };
      expect(subspaceCount(options)).toBeLessThanOrEqual(512);
      const sample = clustered(40, dimensions, 3, 0.2, 7);
      const training = Training.start(trainKernels, options, sample.slice());
      expect(training.bytes).toBe(trainingBytes(options));
      while (!training.step());
      training.free();
      expectValid(options, training.result(), sample);
    }
  });
});

function expectValid(options: TrainingOptions, { model, centroids }: ReturnType<Training['result']>, values: Float32Array): void {
  const { dimensions, listCount, metric, hasLowPlane, subspaceDimensions } = options;
  expect(model).toMatchObject({ metric, dimensions, hasLowPlane, subspaceDimensions });
  for (const floats of [model.mean, model.codebook, [model.distortion, model.biasMin, model.biasStep]]) {
    expect([...floats].every(Number.isFinite)).toBe(true);
  }
  expect(model.distortion).toBeGreaterThanOrEqual(0);
  expect(centroids).toHaveLength(listCount);
  for (const { codes, scale } of centroids) {
    expect(Number.isFinite(scale) && scale >= 0 && codes.every((code) => code >= -127)).toBe(true);
  }
  const prepared = new Float32Array(values.length);
  prepare(model, values, prepared);
  const count = values.length / dimensions;
  const encoder = new Encoder(trainKernels, model);
  encoder.setCentroids(centroids.map((centroid, place) => ({ list: 100 + place, centroid })));
  const lists = encoder.assign(prepared, count);
  const { entries, squaredError } = encoder.encode(
    prepared,
    Array.from({ length: count }, (_, i) => i),
    lists,
  );
  encoder.free();
  expect(lists.every((list) => list >= 100 && list < 100 + listCount)).toBe(true);
  expect(Number.isFinite(squaredError) && squaredError >= 0).toBe(true);
  expect(entries.nibbles.every((nibble) => nibble < 16)).toBe(true);
  expect(entries.scales.every((scale) => Number.isFinite(scale) && scale >= 0)).toBe(true);
}
