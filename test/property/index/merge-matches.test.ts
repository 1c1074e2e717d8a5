import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { mergeMatches } from '../../../src/index/fan-out/merge-answers.ts';
import { compareScores } from '../../../src/ann/metric.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { effort } from '../../support/fixtures/effort.ts';

const copy = fc.record({ id: fc.nat(30).map((n) => `v${n}`), shard: fc.nat(4), version: fc.nat(3), score: fc.nat(6) });

it('[F18] merging shard answers equals sorting the newest copy of each match', () => {
  let duplicates = 0;
  fc.assert(
    fc.property(
      fc.array(copy, { maxLength: 60, size: 'max' }),
      fc.constantFrom(...METRICS),
      fc.integer({ min: 1, max: 20 }),
      (found, metric, topK) => {
        // A version of an id has the same score in every shard.
        const scores = new Map(found.map(({ id, version, score }) => [`${id} ${version}`, score]));
        const copies = [
          ...new Map(found.map((one) => [`${one.shard} ${one.id}`, { ...one, score: scores.get(`${one.id} ${one.version}`)! }])).values(),
        ];
        const closestFirst = (a: (typeof copies)[number], b: (typeof copies)[number]) =>
          compareScores(metric, a.score, b.score) || (a.id < b.id ? -1 : 1);
        const answers = [0, 1, 2, 3, 4].map((shard) => {
          const own = copies.filter((one) => one.shard === shard).sort(closestFirst);
          return { ids: own.map(({ id }) => id), scores: own.map(({ score }) => score), versions: own.map(({ version }) => version) };
        });
        const newest = [...new Set(copies.map(({ id }) => id))].map((id) =>
          copies.filter((one) => one.id === id).reduce((a, b) => (b.version > a.version ? b : a)),
        );
        duplicates += copies.length - newest.length;
        const merged = mergeMatches(metric, answers, topK);
        const wanted = newest.sort(closestFirst).slice(0, topK);
        expect(merged.map(({ id, score }) => ({ id, score }))).toEqual(wanted.map(({ id, score }) => ({ id, score })));
        for (const { id, from, at } of merged) expect(answers[from]!.ids[at]).toBe(id);
      },
    ),
    { seed: 18, numRuns: effort(400) },
  );
  expect(duplicates).toBeGreaterThan(500);
});
