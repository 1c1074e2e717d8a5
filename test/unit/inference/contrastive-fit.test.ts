import { describe, expect, it } from 'vitest';

import type { TokenPair } from '../../../src/inference/build/tune/contrastive-fit.ts';
import { ContrastiveFit } from '../../../src/inference/build/tune/contrastive-fit.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const DIMENSIONS = 6;

/** A table of random rows, of any scale; row 0 is unknown. */
function tableOf(seed: number, scale = 1) {
  const random = new Seeded(seed);
  const rows = Array.from({ length: 20 }, () => Float64Array.from({ length: DIMENSIONS }, () => (random.next() - 0.5) * scale));
  return (id: number) => (id === 0 ? undefined : rows[id]);
}

const pair = (anchor: readonly number[], positive: readonly number[]): TokenPair => ({
  anchor: Int32Array.from(anchor),
  positive: Int32Array.from(positive),
});

const PAIRS = [pair([1, 2], [3]), pair([4], [5, 5, 6]), pair([7, 0], [8, 9]), pair([10], [11, 12])];

function fitOf({
  seed = 1,
  scale = 1,
  train = PAIRS,
  validation = [] as readonly TokenPair[],
  rateMultiplier = 1,
  batchSize = 4,
}: {
  seed?: number;
  scale?: number;
  train?: readonly TokenPair[];
  validation?: readonly TokenPair[];
  rateMultiplier?: number;
  batchSize?: number;
} = {}) {
  const settings = { epochs: 1, batchSize, rateMultiplier, seed };
  return new ContrastiveFit({ dimensions: DIMENSIONS, rowOf: tableOf(seed, scale), train, validation, settings });
}

describe('the contrastive fit', () => {
  it('[J250] steps against the gradient of the loss: by as much as the squares of what moved say', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const fit = fitOf({ seed, rateMultiplier: 1e-6 });
      const before = { rows: fit.rows.slice(), loss: fit.measureTraining(4).loss };
      fit.runEpoch();
      const moved = fit.rows.map((value, at) => value - before.rows[at]!);
      const tuned = [...fit.tunedRows()].length;
      const meanSquare = before.rows.reduce((sum, value) => sum + value * value, 0) / tuned;
      const rate = 0.1 * 1e-6 * meanSquare;
      // A step of -rate * gradient lowers the loss by rate * |gradient|^2, to first order.
      const expected = -moved.reduce((sum, value) => sum + value * value, 0) / rate;
      expect((fit.measureTraining(4).loss - before.loss) / expected).toBeCloseTo(1, 2);
    }
  });

  it('[J250] does not depend on the scale of the table', () => {
    const losses = [1, 1_000].map((scale) => {
      const fit = fitOf({ scale });
      for (let epoch = 0; epoch < 3; epoch += 1) fit.runEpoch();
      return fit.measureTraining(4).loss;
    });
    expect(losses[0]).toBeCloseTo(losses[1]!, 9);
  });

  it('[J250] sets pairs that share a text not against each other', () => {
    for (const other of [pair([5], [3, 4]), pair([1, 2], [9])]) {
      const fit = fitOf({ train: [pair([1, 2], [3, 4]), other] });
      expect(fit.measureTraining(2)).toMatchObject({ loss: 0 });
    }
    expect(fitOf({ train: [pair([1, 2], [3, 4]), pair([5], [9])] }).measureTraining(2).loss).toBeGreaterThan(0);
  });

  it('[J250] learns nothing from validation, whose words keep their rows', () => {
    const validation = [pair([13], [14]), pair([1], [15])];
    const [fit, alone] = [fitOf({ validation }), fitOf()];
    for (const each of [fit, alone]) each.runEpoch();
    expect([...fit.tunedRows()]).toEqual([...alone.tunedRows()]);
    expect([...fit.tunedRows()].map(([id]) => id).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('[J251] goes on from the rows after an epoch as if it had not stopped', () => {
    const [whole, first, second] = [fitOf({ batchSize: 2 }), fitOf({ batchSize: 2 }), fitOf({ batchSize: 2 })];
    for (let epoch = 0; epoch < 4; epoch += 1) whole.runEpoch();
    for (let epoch = 0; epoch < 2; epoch += 1) first.runEpoch();
    second.resume(first.epoch, first.rows.slice());
    for (let epoch = 0; epoch < 2; epoch += 1) second.runEpoch();
    expect([second.epoch, second.rows]).toEqual([whole.epoch, whole.rows]);
  });
});
