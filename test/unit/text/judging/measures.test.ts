import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import type { Measure } from '../../../../src/contract/vectors/judged/measure-names.ts';
import { measured } from '../../../../src/text/judging/measures.ts';

interface Golden {
  readonly queries: readonly {
    readonly gains: Readonly<Record<string, number>>;
    readonly ranking: readonly string[];
    readonly figures: Readonly<Record<string, number>>;
  }[];
}

const { queries } = JSON.parse(readFileSync(new URL('../../../support/fixtures/trec-eval.json', import.meta.url), 'utf8')) as Golden;

const MEASURES: Readonly<Record<string, Measure>> = {
  ...Object.fromEntries([1, 5, 10, 100].map((k) => [`ndcg_cut_${k}`, { kind: 'ndcg', k }])),
  ...Object.fromEntries([1, 10, 100].map((k) => [`recall_${k}`, { kind: 'recall', k }])),
  ...Object.fromEntries([1, 5, 10].map((k) => [`success_${k}`, { kind: 'success', k }])),
  recip_rank: { kind: 'mrr' },
  map: { kind: 'map' },
  Rprec: { kind: 'r_precision' },
};

describe.each(Object.entries(MEASURES))('%s', (name, measure) => {
  it("is trec_eval's, of graded and binary judgements, found and missing [TX100]", () => {
    const own = queries.map(({ gains, ranking }) => measured(ranking, new Map(Object.entries(gains)), measure));
    queries.forEach(({ figures }, query) => expect(own[query], `query ${query}`).toBeCloseTo(figures[name]!, 9));
    expect(new Set(own).size).toBeGreaterThan(1);
  });

  it('counts what was not judged like what is not relevant [TX101]', () => {
    const ranking = ['x', 'a', 'y', 'b'];
    const judged = measured(
      ranking,
      new Map([
        ['a', 2],
        ['b', 1],
        ['x', 0],
        ['y', -3],
      ]),
      measure,
    );
    expect(
      measured(
        ranking,
        new Map([
          ['a', 2],
          ['b', 1],
        ]),
        measure,
      ),
    ).toBe(judged);
    expect(measured(ranking, new Map([['x', 0]]), measure)).toBe(0);
    expect(measured([], new Map([['a', 1]]), measure)).toBe(0);
  });
});

it('looks no deeper than a k, of means of reciprocal ranks and of precisions, too [TX100]', () => {
  const gains = new Map([
    ['a', 1],
    ['b', 1],
  ]);
  const ranking = ['x', 'a', 'y', 'b'];
  expect([1, 2, 4].map((k) => measured(ranking, gains, { kind: 'mrr', k }))).toEqual([0, 0.5, 0.5]);
  expect([1, 2, 4].map((k) => measured(ranking, gains, { kind: 'map', k }))).toEqual([0, 0.25, 0.5]);
});
