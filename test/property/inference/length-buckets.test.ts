import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { lengthBuckets } from '../../../src/inference/onnx-encoder.ts';
import { effort } from '../../support/fixtures/effort.ts';

const RUN_TOKENS_MAX = 256;

it('[M14] every text runs once, in runs within the bound, with little padding', () => {
  let shared = 0;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: RUN_TOKENS_MAX }), { maxLength: 60 }), (lengths) => {
      const offsets = Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b))]);
      const buckets = lengthBuckets(offsets, RUN_TOKENS_MAX);
      const ran = buckets.flatMap(({ rows }) => rows).toSorted((a, b) => a - b);
      expect(ran).toEqual([...lengths.keys()].filter((row) => lengths[row]! > 0));
      for (const { rows, tokens } of buckets) {
        expect(rows.length * tokens).toBeLessThanOrEqual(RUN_TOKENS_MAX);
        expect(tokens).toBe(Math.max(...rows.map((row) => lengths[row]!)));
        for (const row of rows) expect(tokens).toBeLessThanOrEqual(Math.max(8, 2 * lengths[row]!));
        if (rows.length > 1) shared++;
      }
    }),
    { seed: 20261124, numRuns: effort(500) },
  );
  expect(shared).toBeGreaterThan(200);
});

it('[M14] a text longer than a run is a defect of the caller', () => {
  expect(() => lengthBuckets(Int32Array.of(0, RUN_TOKENS_MAX + 1), RUN_TOKENS_MAX)).toThrow('fits a run');
});
