import { describe, expect, it } from 'vitest';

import { Seeded } from '../../../../src/kernel/seeded.ts';
import { crossValidate, FOLDS } from '../../../../src/text/judging/cross-validation.ts';
import { settingsGrid } from '../../../../src/text/judging/settings-grid.ts';

const noise = (count: number, seed: number, height = 1): Float64Array => {
  const rng = new Seeded(seed);
  return Float64Array.from({ length: count }, () => height * rng.next());
};

describe('cross-validation', () => {
  it('finds the setting that is better everywhere, and says by how much [TX105]', () => {
    const base = noise(100, 1);
    const tuned = crossValidate([base, base.map((x) => x + 0.1), base.map((x) => x + 0.05)], 0, 7);
    expect(tuned.best).toBe(1);
    expect(tuned.chosen - tuned.current).toBeCloseTo(0.1, 9);
    expect(tuned.heldOut.difference.value).toBeCloseTo(0.1, 9);
    expect(tuned.heldOut.isSignificant).toBe(true);
  });

  it('never measures a query under a setting that was chosen with it [TX105]', () => {
    // Each setting is perfect on one query and nothing elsewhere: chosen with the query it would gain, without it never.
    const count = 50;
    const figures = Array.from({ length: count + 1 }, (_, setting) =>
      Float64Array.from({ length: count }, (__, query) => (query === setting - 1 ? 1 : 0)),
    );
    const tuned = crossValidate(figures, 0, 7);
    expect(tuned.chosen).toBe(1 / count);
    expect(tuned.heldOut.mean).toBe(0);
  });

  it.each([5, 6, 9, 11])('measures each of %i queries once [TX105]', (count) => {
    const best = Float64Array.from({ length: count }, (_, query) => 10 ** query);
    const tuned = crossValidate([new Float64Array(count), best], 0, 3);
    expect(tuned.heldOut.mean * count).toBeCloseTo(
      best.reduce((sum, x) => sum + x),
      3,
    );
  });

  it('keeps the setting in use where another only equals it [TX106]', () => {
    const base = noise(30, 1);
    expect(crossValidate([base.slice(), base, base.slice()], 1, 7)).toMatchObject({ best: 1, heldOut: { difference: { value: 0 } } });
  });

  it('finds no gain among settings that differ by noise [TX106]', () => {
    const found = Array.from({ length: 40 }, (_, at) => {
      const base = noise(60, at);
      const figures = Array.from({ length: 40 }, (__, setting) => base.map((x, i) => x + noise(60, 1_000 * at + setting, 0.1)[i]!));
      return crossValidate(figures, 0, at).heldOut;
    });
    expect(found.filter(({ isSignificant, difference }) => isSignificant && difference.value > 0).length).toBeLessThan(6);
  });

  it('takes at least as many queries as folds [TX105]', () => {
    expect(() => crossValidate([new Float64Array(FOLDS - 1)], 0, 7)).toThrow('at least 5');
  });
});

it.each([1, 2, 3, 4, 8])('the grid of %i legs has each leg alone, and weights that add up to 1 [TX107]', (legs) => {
  const grid = settingsGrid(legs);
  const kinds = Map.groupBy(grid, ({ fusion }) => fusion.kind);
  expect([...kinds.keys()]).toEqual(['sum', 'dbsf', 'rrf']);
  for (const settings of kinds.values()) {
    expect(settings.length).toBeLessThanOrEqual(250);
    const alone = settings.filter(({ weights }) => weights.includes(1));
    expect(alone.map(({ weights }) => weights.indexOf(1)).toSorted((a, b) => a - b)).toEqual(Array.from({ length: legs }, (_, leg) => leg));
    expect(new Set(settings.map(({ weights }) => weights.join())).size).toBe(settings.length);
  }
  for (const { weights } of grid) expect(weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 12);
});
