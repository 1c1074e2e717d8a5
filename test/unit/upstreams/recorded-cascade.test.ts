import { expect, it } from 'vitest';

import { correctedMean } from '../../bench/cascade/corrected-interval.ts';
import { calibrationError, fitSplit, runCascade } from '../../bench/cascade/split-outcome.ts';
import { minilmPairs } from '../../support/fixtures/minilm-pairs.ts';

const isFull = process.env['SLUICE_TEST_FULL'] === '1';
/** Of three splits of fewer texts here; the bench and the full run have 20 of all of them. */
const [SPLITS, TEXTS] = isFull ? [20, 778] : [3, 300];

it('[U96] a cascade of recorded MiniLM vectors beats as many escalations at random', () => {
  const { pairs, prior } = minilmPairs(isFull ? 20_000 : 0);
  const some = { ...pairs, texts: pairs.texts.slice(0, TEXTS), vectors: pairs.vectors.subarray(0, TEXTS * pairs.dimensions) };
  const splits = Array.from({ length: SPLITS }, (_, seed) => fitSplit(some, prior, seed + 1));
  for (const measure of ['topOne', 'recall'] as const) {
    for (const shareMax of [0.25, 0.5]) {
      const outcomes = splits.map((split) => runCascade(split, measure, shareMax));
      for (const { share } of outcomes) expect(share).toBeLessThanOrEqual(shareMax);
      const gain = correctedMean(
        outcomes.map(({ cascade, random }) => cascade - random),
        splits[0]!.testShare,
      );
      if (isFull) expect(gain.low).toBeGreaterThan(0);
      else expect(gain.mean).toBeGreaterThan(0.01);
    }
    // What the calibration expects of texts that it has not seen comes about.
    const error = correctedMean(
      splits.map((split) => calibrationError(split, measure)),
      splits[0]!.testShare,
    );
    expect(Math.abs(error.mean)).toBeLessThan(0.08);
  }
});
