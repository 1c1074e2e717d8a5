import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { estimateRecall, shareOf } from '../../../src/index/recall-estimate.ts';
import { measureSlice } from '../../../src/ann/shard/recall-slice.ts';
import type { MeasuredSearch } from '../../../src/ann/shard/recall-slice.ts';
import { NO_COST } from '../../../src/ann/search-cost.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';
import { VectorWorld } from '../../support/worlds/vector-world.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

describe('measured recall', () => {
  it('[V155] is the share of the nearest neighbours that an engine finds, whichever it drops', () => {
    const seen = { missed: 0, all: 0, tied: 0 };
    const scenario = fc.record({
      metric: fc.constantFrom(...METRICS),
      count: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
      topK: fc.integer({ min: 1, max: 12 }),
      dropEvery: fc.integer({ min: 2, max: 12 }),
      // Few distinct vectors, so that many tie.
      levels: fc.constantFrom(2, 1_000),
    });
    fc.assert(
      fc.property(scenario, ({ metric, count, seed, topK, dropEvery, levels }) => {
        const world = new VectorWorld(metric, count, 3, seed, levels);
        const { samples, taken } = measureSlice(metric, world.vectors, topK, world.searchDropping(dropEvery));
        expect(taken).toBe(count);
        expect(samples).toHaveLength(count === 1 ? 0 : count);
        for (const { id, found, of } of samples) {
          const query = world.vectors.find((vector) => vector.id === id);
          if (query === undefined) throw new Error('a sample is a vector');
          const others = world.ranked(query.values).filter((match) => match.id !== id);
          const nearest = others.slice(0, topK);
          const answered = world
            .searchDropping(dropEvery)({ values: query.values, topK: topK + 1, exact: false })
            .matches.filter((match) => match.id !== id)
            .slice(0, topK);
          const asClose = answered.filter((match) => nearest.some(({ score }) => score === match.score)).length;
          expect([found, of]).toEqual([asClose, nearest.length]);
          if (found < of) seen.missed += 1;
          else seen.all += 1;
          if (others[topK]?.score === nearest.at(-1)?.score) seen.tied += 1;
        }
      }),
      { seed: 155, numRuns: effort(300) },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(200);
  });

  it('[V155] is 0.9 for an engine that drops every tenth match, and 1 for an exact one', () => {
    const world = new VectorWorld('cosine', 400, 8, 9, 1_000_000);
    const recallOf = (search: MeasuredSearch) => estimateRecall(measureSlice('cosine', world.vectors, 10, search).samples)?.mean;
    expect(recallOf(world.searchDropping(10))).toBeCloseTo(0.9, 12);
    expect(recallOf(world.searchDropping(Infinity))).toBe(1);
  });

  it('[V157] ends a slice at its budget, after at least one vector, and skips deleted vectors', () => {
    const world = new VectorWorld('dot', 20, 2, 1, 1_000);
    const costing =
      (cost: Partial<typeof NO_COST>): MeasuredSearch =>
      (query) => ({
        ...world.searchDropping(Infinity)(query),
        explanation: { ...NO_COST, ...cost },
      });
    const takenAt = (cost: Partial<typeof NO_COST>) => measureSlice('dot', world.vectors, 3, costing(cost)).taken;
    expect(takenAt({})).toBe(20);
    // Each vector takes two searches.
    expect(takenAt({ bytesTouched: INDEX_LIMITS.recallSliceBytesMax / 10 })).toBe(5);
    expect(takenAt({ rowsRead: INDEX_LIMITS.recallSliceRowsMaxCount / 8 })).toBe(4);
    expect(takenAt({ bytesTouched: 10 * INDEX_LIMITS.recallSliceBytesMax })).toBe(1);
    const gone = measureSlice('dot', [undefined, ...world.vectors.slice(0, 2), undefined], 3, costing({ rowsRead: 1 }));
    expect(gone).toMatchObject({ taken: 4, cost: { rowsRead: 2 }, exactCost: { rowsRead: 2 } });
    expect(gone.samples).toHaveLength(2);
  });
});

describe('the estimate of recall', () => {
  const sample = (found: number, of = 10) => ({ id: 'x', found, of });

  it('[V156] is absent without samples, and bounds the recall with few', () => {
    expect(estimateRecall([])).toBeUndefined();
    expect(estimateRecall([sample(7)])).toMatchObject({ mean: 0.7, standardError: undefined });
    const perfect = estimateRecall(Array.from({ length: 100 }, () => sample(10)));
    expect(perfect).toMatchObject({ mean: 1, standardError: 0, high: 1 });
    // 100 searches without a miss do not prove that the next one has none.
    expect(perfect?.low).toBeCloseTo(0.963, 3);
    const mixed = estimateRecall([sample(8), sample(10), sample(9), sample(9)]);
    expect(mixed?.mean).toBeCloseTo(0.9, 12);
    expect(mixed?.standardError).toBeCloseTo(Math.sqrt(0.02 / 3 / 4), 12);
    expect(shareOf(sample(3, 4))).toBe(0.75);
  });

  it('[V156] contains the true recall in about 95 of 100 intervals, also when searches differ', () => {
    for (const [spread, truth] of [
      [0, 0.95],
      [0.1, 0.88],
      [0.02, 0.98],
    ] as const) {
      const random = new Seeded(156);
      let held = 0;
      const trials = effort(400);
      for (let trial = 0; trial < trials; trial += 1) {
        const samples = Array.from({ length: 100 }, () => {
          // The recall of each search varies around the true one.
          const own = truth + spread * (random.next() < 0.5 ? -1 : 1);
          return sample(Array.from({ length: 10 }, () => random.next()).filter((x) => x < own).length);
        });
        const estimate = estimateRecall(samples);
        if (estimate === undefined) throw new Error('there are samples');
        expect(estimate.low).toBeLessThanOrEqual(estimate.mean);
        expect(estimate.high).toBeGreaterThanOrEqual(estimate.mean);
        if (estimate.low <= truth && truth <= estimate.high) held += 1;
      }
      expect(held / trials).toBeGreaterThan(0.92);
      expect(held / trials).toBeLessThan(0.99);
    }
  });
});
