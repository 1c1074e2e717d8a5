import fc from 'fast-check';
import { expect, it } from 'vitest';

import { leastOutcome } from '../../../../src/ann/maintenance/least-outcome.ts';

/** Looks for `least`, which may be none, and notes what it tries. */
function lookFor(least: number, max: number, guess?: number) {
  const tried: number[] = [];
  const work = leastOutcome(
    max,
    function* (value) {
      tried.push(value);
      yield;
      return value >= least ? `at ${value}` : undefined;
    },
    guess,
  );
  let step = work.next();
  while (step.done !== true) step = work.next();
  return { found: step.value, tried };
}

it('[V198] the least depth is found, from any guess, by trying none twice', () => {
  const depth = fc.integer({ min: 0, max: 300 });
  fc.assert(
    fc.property(depth, depth, fc.option(depth, { nil: undefined }), (max, least, guess) => {
      const { found, tried } = lookFor(least, max, guess === undefined ? undefined : Math.min(guess, max));
      expect(found).toEqual(least <= max ? { value: least, outcome: `at ${least}` } : undefined);
      expect(new Set(tried).size).toBe(tried.length);
      expect(tried.length).toBeLessThanOrEqual(guess === undefined ? 9 : 19);
    }),
    { seed: 198 },
  );
});

it('[V198] from a good guess the least depth is found at once', () => {
  expect(lookFor(64, 255, 64).tried).toEqual([64, 63]);
  expect(lookFor(65, 255, 64).tried).toEqual([64, 65]);
  expect(lookFor(62, 255, 64).tried).toEqual([64, 63, 61, 62]);
  expect(lookFor(300, 255, 255).tried).toEqual([255]);
});
