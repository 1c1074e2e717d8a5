import { describe, expect, it } from 'vitest';

import { ROUTE_LIMITS } from '../../../src/contract/routes/route-limits.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { agreementOf } from '../../../src/upstreams/cascade/agreement.ts';
import { addCounts, curveOf, faded, NO_COUNTS, outcomeCounts } from '../../../src/upstreams/cascade/cascade-counts.ts';
import { ESCALATE_ALL, thresholdForShare, thresholdOf } from '../../../src/upstreams/cascade/calibrated-threshold.ts';
import { decideCascade } from '../../../src/upstreams/cascade/cascade-decision.ts';
import { EscalationCap } from '../../../src/upstreams/cascade/escalation-cap.ts';
import type { ScoredOutcome } from '../../../src/upstreams/cascade/isotonic.ts';
import { expectedQuality, fitIsotonic } from '../../../src/upstreams/cascade/isotonic.ts';

const outcomes = (...pairs: (readonly [number, number])[]): ScoredOutcome[] => pairs.map(([score, quality]) => ({ score, quality }));

describe('[U96] calibration', () => {
  it('[U96] pools neighbours that fall, and nothing else', () => {
    expect(fitIsotonic(outcomes([3, 1], [1, 0], [2, 1], [4, 0], [5, 1]))).toEqual({
      scores: [1, 2, 5],
      qualities: [0, 2 / 3, 1],
      outcomes: 5,
    });
    // Equal scores are one step, in whatever order they come.
    expect(fitIsotonic(outcomes([1, 0], [1, 1], [1, 0], [1, 1]))).toEqual({ scores: [1], qualities: [0.5], outcomes: 4 });
    expect(fitIsotonic([])).toEqual({ scores: [], qualities: [], outcomes: 0 });
  });

  it('[U96] the fit is the best of all never-falling ones', () => {
    const rng = new Seeded(4);
    for (let round = 0; round < 30; round++) {
      const given = Array.from({ length: 5 }, (_, score) => ({ score, quality: Math.floor(rng.next() * 3) / 2 }));
      const curve = fitIsotonic(given);
      const fitted = given.map(({ score }) => expectedQuality(curve, score));
      const error = (values: readonly number[]) => values.reduce((sum, value, i) => sum + (value - given[i]!.quality) ** 2, 0);
      // Every never-falling sequence over a grid of sixtieths has at least this error: means of up to five halves lie on it.
      const best = bestNeverFalling(given.map(({ quality }) => quality));
      expect(error(fitted)).toBeCloseTo(best, 9);
      expect(fitted.every((value, i) => i === 0 || value >= fitted[i - 1]!)).toBe(true);
    }
  });

  it('[U96] a quality becomes the lowest confidence that reaches it, and none without enough outcomes', () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ score: i / 100, quality: i < 40 ? 0 : i < 70 ? i % 2 : 1 }));
    const curve = fitIsotonic(many);
    expect(thresholdOf(0.3, undefined)).toBe(0.3);
    expect(thresholdOf({ quality: 0.9 }, curve)).toBeGreaterThanOrEqual(0.69);
    expect(thresholdOf({ quality: 0.4 }, curve)).toBeLessThanOrEqual(0.42);
    expect(thresholdOf({ quality: 0.9 }, fitIsotonic(many.map(({ score }) => ({ score, quality: 0 }))))).toBe(ESCALATE_ALL);
    expect(thresholdOf({ quality: 0 }, undefined)).toBe(ESCALATE_ALL);
    const few = fitIsotonic(many.slice(-(ROUTE_LIMITS.calibrationOutcomesMinCount - 1)));
    expect(thresholdOf({ quality: 0.5 }, few)).toBe(ESCALATE_ALL);
    expect(expectedQuality(curve, -1)).toBe(curve.qualities[0]);
  });

  it('[U96] a share of escalations becomes the confidence that so many lie below', () => {
    const scored = outcomes([0.4, 1], [0.1, 1], [0.3, 1], [0.2, 1]);
    expect([0, 0.25, 0.5, 1].map((share) => thresholdForShare(scored, share))).toEqual([0.1, 0.2, 0.3, ESCALATE_ALL]);
  });
});

/** The least squared error of a never-falling sequence: by trying, for each position, all means of runs of the qualities. */
function bestNeverFalling(qualities: readonly number[]): number {
  const means = new Set<number>();
  for (let from = 0; from < qualities.length; from++)
    for (let to = from + 1; to <= qualities.length; to++)
      means.add(qualities.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from));
  const levels = [...means].sort((left, right) => left - right);
  let costs = levels.map(() => 0);
  for (const quality of qualities) {
    let least = Number.POSITIVE_INFINITY;
    costs = levels.map((level, i) => {
      least = Math.min(least, costs[i]!);
      return least + (level - quality) ** 2;
    });
  }
  return Math.min(...costs);
}

describe('[U95] escalations', () => {
  it('[U95] never are more than their share, after any request of any window, in any number of isolates', () => {
    for (const shareMax of [0, 0.01, 0.25, 1 / 3, 0.5, 1]) {
      const rng = new Seeded(7);
      const isolates = Array.from({ length: 3 }, () => new EscalationCap(1_000));
      const counted = new Map<number, { requests: number; escalated: number }>();
      for (let nowMs = 0; nowMs < 10_000; nowMs += 3) {
        const wants = rng.next() < 0.8;
        const escalated = isolates[Math.floor(rng.next() * 3)]!.admit(wants, shareMax, nowMs);
        if (escalated) expect(wants).toBe(true);
        const window = Math.floor(nowMs / 1_000);
        const of = counted.get(window) ?? { requests: 0, escalated: 0 };
        counted.set(window, {
          requests: of.requests + 1,
          escalated: of.escalated + Number(escalated),
        });
        expect(counted.get(window)!.escalated).toBeLessThanOrEqual(shareMax * counted.get(window)!.requests);
      }
      // Nothing is held back needlessly: where all want to, as many are as the share allows, in whole ones.
      const cap = new EscalationCap(1_000);
      const escalations = Array.from({ length: 500 }, () => cap.admit(true, shareMax, 0)).filter(Boolean).length;
      expect(escalations).toBe(Math.floor(shareMax * 500));
    }
  });

  it('[U95] a clock that goes back opens no new window', () => {
    const cap = new EscalationCap(1_000);
    expect([cap.admit(true, 0.5, 5_000), cap.admit(true, 0.5, 5_001)]).toEqual([false, true]);
    expect([cap.admit(true, 0.5, 100), cap.admit(true, 0.5, 5_002)]).toEqual([false, true]);
    expect([cap.admit(true, 0.5, 6_000), cap.admit(true, 0.5, 6_000)]).toEqual([false, true]);
  });

  it('[U95] keeps confident answers, escalates unsure ones, and keeps those beyond the cap', () => {
    const cap = new EscalationCap(1_000);
    const decide = (confidence: number, shareMax: number) => decideCascade(confidence, 0.8, { cap, shareMax, nowMs: 0 });
    expect(decide(0.8, 1)).toEqual({ answer: 'student', why: 'confident', confidence: 0.8, threshold: 0.8 });
    expect(decide(0.79, 1)).toMatchObject({ answer: 'teacher', why: 'unsure' });
    expect(decide(Number.NaN, 1)).toMatchObject({ answer: 'teacher', why: 'unsure' });
    expect(decide(0.79, 0.5)).toMatchObject({ answer: 'student', why: 'cap' });
    // Confident answers are requests, too: they make room.
    expect([decide(0.9, 0.5), decide(0.7, 0.5)]).toMatchObject([{ why: 'confident' }, { why: 'unsure' }]);
  });
});

describe('[U174] what is measured', () => {
  it('[U174] is added up by confidence, and fades once there is much of it', () => {
    const counted = [0.2, 0.2, 0.9].map((confidence, at) => outcomeCounts(confidence, at === 0 ? 0 : 1)).reduce(addCounts, NO_COUNTS);
    expect(curveOf(counted)).toEqual({ scores: [12 / 64, 57 / 64], qualities: [0.5, 1], outcomes: 3 });
    expect(outcomeCounts(1, 1).outcomes[63]).toBe(1);
    expect(faded(counted)).toBe(counted);
    const much = { ...counted, outcomes: counted.outcomes.map((count) => count * ROUTE_LIMITS.calibrationOutcomesMaxCount) };
    expect(curveOf(faded(much)).outcomes).toBe(1.5 * ROUTE_LIMITS.calibrationOutcomesMaxCount);
  });

  it('[U174] the calibration approaches the true agreement, though few sure answers are compared', () => {
    const rng = new Seeded(3);
    let counts = NO_COUNTS;
    // Agreement is as likely as the confidence says; below 0.7 all answers are compared, above it one in a hundred.
    for (let request = 0; request < 200_000; request += 1) {
      const confidence = rng.next();
      if (confidence < 0.7 || rng.next() < 0.01)
        counts = faded(addCounts(counts, outcomeCounts(confidence, Number(rng.next() < confidence))));
    }
    const curve = curveOf(counts);
    for (const confidence of [0.2, 0.5, 0.65, 0.8, 0.95])
      expect(Math.abs(expectedQuality(curve, confidence) - confidence)).toBeLessThan(0.1);
  });

  it('[U174] answers in JSON agree if they are the same, others by the words that they have in common', () => {
    expect(agreementOf('{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }')).toBe(1);
    expect(agreementOf('{"a":1}', '{"a":2}')).toBe(0);
    expect(agreementOf('Paris.', 'paris')).toBe(1);
    expect(agreementOf('it is Paris', 'Paris')).toBe(0.5);
    expect(agreementOf('a a', 'a b')).toBe(0.5);
    expect([agreementOf('', ''), agreementOf('', 'a'), agreementOf('{"a":1}', 'a')]).toEqual([1, 0, 2 / 3]);
  });
});
