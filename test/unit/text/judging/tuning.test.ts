import { describe, expect, it } from 'vitest';

import type { Measure } from '../../../../src/contract/vectors/judged/measure-names.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { fuse } from '../../../../src/text/fusion/fuse.ts';
import { judgeSettings } from '../../../../src/text/judging/judged-settings.ts';
import type { RecordedLeg, RecordedQuery } from '../../../../src/text/judging/tuning.ts';
import { tuneSearch } from '../../../../src/text/judging/tuning.ts';

const NDCG: Measure = { kind: 'ndcg', k: 10 };
const rng = new Seeded(11);

/** Twenty documents in any order, in which the relevant ones come at a rank. */
function legWith(rank: number | undefined) {
  const ids = Array.from({ length: 20 }, (_, at) => ({ id: `d${at}`, key: rng.next() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ id }) => id);
  const others = ids.filter((id) => id !== 'd0');
  const ranked = rank === undefined ? ids : others.toSpliced(rank - 1, 0, 'd0');
  return { ids: ranked, scores: ranked.map((_, at) => 1 / (at + 1)) };
}
const GAINS = new Map([['d0', 1]]);

/** A query whose search in use is both legs of the first variant, half each. */
const recorded = (...variants: RecordedLeg[][]): RecordedQuery => ({
  gains: GAINS,
  inUse: fuse(
    (variants[0] ?? []).map((leg) => ({ ...leg, weight: 0.5 })),
    { kind: 'sum', normaliser: 'min_max' },
  ).ids,
  variants,
});

describe('tuning', () => {
  it('gives the weight to the leg that is right, and says what queries to come gain [TX109] [TX110]', () => {
    const queries: RecordedQuery[] = Array.from({ length: 60 }, () => recorded([legWith(undefined), legWith(1)]));
    const tuned = tuneSearch(queries, NDCG, 7);
    expect(tuned.isBetter).toBe(true);
    expect(tuned.best?.weights[1]).toBeGreaterThan(0.5);
    expect(tuned.chosen).toBe(1);
    expect(tuned.heldOut.mean).toBeGreaterThan(tuned.current);
  });

  it('chooses the variant under which the legs find more [TX110]', () => {
    const queries: RecordedQuery[] = Array.from({ length: 40 }, () => recorded([legWith(5), legWith(9)], [legWith(1), legWith(9)]));
    expect(tuneSearch(queries, NDCG, 7)).toMatchObject({ isBetter: true, best: { variant: 1 }, chosen: 1 });
  });

  it('keeps the setting in use where nothing is better, or better by chance alone [TX109]', () => {
    const found = [legWith(1), legWith(1)];
    const same: RecordedQuery[] = Array.from({ length: 12 }, () => recorded(found));
    expect(tuneSearch(same, NDCG, 7)).toMatchObject({ isBetter: false, best: null, current: 1 });
    const noise: RecordedQuery[] = Array.from({ length: 30 }, () => recorded([legWith(undefined), legWith(undefined)]));
    const tuned = tuneSearch(noise, NDCG, 7);
    expect(tuned.chosen).toBeGreaterThan(tuned.current);
    expect(tuned.isBetter).toBe(false);
  });
});

it('a held-out gain that may be chance is no reason to change [TX109]', () => {
  const found = Array.from({ length: 30 }, (_, seed) => {
    const noise: RecordedQuery[] = Array.from({ length: 8 }, () => recorded([legWith(undefined), legWith(undefined)]));
    return tuneSearch(noise, NDCG, seed);
  }).filter(({ heldOut }) => heldOut.difference.value > 0 && !heldOut.isSignificant);
  expect(found.length).toBeGreaterThan(2);
  expect(found.filter(({ isBetter }) => isBetter)).toEqual([]);
});

describe('settings that are judged', () => {
  const queries = Array.from({ length: 20 }, (_, at) => ({
    gains: new Map([[`r${at}`, 1]]),
    rankings: [['x', `r${at}`], [`r${at}`, 'x'], at % 2 === 0 ? [`r${at}`] : []],
  }));

  it('are measured by the same queries, each beside the first [TX108]', () => {
    const mrr = judgeSettings(queries, { kind: 'mrr' }, 7);
    const recall = judgeSettings(queries, { kind: 'recall', k: 2 }, 7);
    expect(mrr.means.map(({ value }) => value)).toEqual([0.5, 1, 0.5]);
    expect(mrr.comparisons).toMatchObject([
      { difference: { value: 0.5 }, isSignificant: true, wins: 20, losses: 0 },
      { difference: { value: 0 }, isSignificant: false, wins: 10, losses: 10 },
    ]);
    expect(recall.comparisons).toMatchObject([{ difference: { value: 0 } }, { difference: { value: -0.5 } }]);
    expect(recall.figures[2]!.slice(0, 2)).toEqual(Float64Array.of(1, 0));
  });

  it('alone are compared with nothing [TX108]', () => {
    const mrr = judgeSettings(
      queries.map((query) => ({ ...query, rankings: query.rankings.slice(0, 1) })),
      { kind: 'mrr' },
      7,
    );
    expect(mrr).toMatchObject({ comparisons: [], means: [{ value: 0.5, low: 0.5, high: 0.5 }] });
  });
});
