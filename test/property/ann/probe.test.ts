import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ListQuery } from '../../../src/ann/lists/list-search.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { effort } from '../../support/fixtures/effort.ts';
import type { ListWorldOptions } from '../../support/worlds/list-world.ts';
import { ListWorld } from '../../support/worlds/list-world.ts';
import { searchPlainly } from '../../support/oracles/plain-lists.ts';
import { probeModule, strictProbeModule, takesRelaxedSimd } from '../../support/fakes/probe-module.ts';

const never = (list: number): never => {
  throw new Error(`list ${list} is resident`);
};

/** The rows that the last scan proposed for rescoring. */
function candidatesOf({ kernels, memory }: ListWorld): Set<number> {
  const start = kernels.frame.word('rows') / 4;
  return new Set(memory.views.uint32.subarray(start, start + kernels.frame.word('found')));
}

/** Searches with each list read from storage when it is missing; also returns the order of probes. */
function searchCold(world: ListWorld, query: ListQuery) {
  const blocks = new Map(world.entries.map((_, list) => [list, world.lists.blocks(list, 0)]));
  for (const list of blocks.keys()) world.lists.evict(list);
  const probed: number[] = [];
  const answer = world.lists.search(query, (list) => {
    probed.push(list);
    world.lists.adopt(list, blocks.get(list)!);
  });
  for (const [list, bytes] of blocks) if (!world.lists.isResident(list)) world.lists.adopt(list, bytes);
  return { answer, probed };
}

const scenario = (options: Partial<Record<keyof ListWorldOptions, fc.Arbitrary<unknown>>> = {}) =>
  fc.record({
    metric: fc.constantFrom(...METRICS),
    dimensions: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.constantFrom(100, 150)),
    subspaceDimensions: fc.integer({ min: 2, max: 4 }),
    hasLowPlane: fc.boolean(),
    seed: fc.integer({ min: 0, max: 2 ** 30 }),
    listCount: fc.integer({ min: 1, max: 12 }),
    vectorCount: fc.integer({ min: 0, max: 300 }),
    magnitude: fc.constantFrom(1e-40, 1e-18, 1, 1, 1, 1, 1e15, 3.4e38),
    spread: fc.constantFrom(0, 1e-6, 0.01, 0.3, 1),
    ...options,
  }) as fc.Arbitrary<ListWorldOptions>;

const search = fc.record({
  count: fc.integer({ min: 1, max: 40 }),
  more: fc.integer({ min: 0, max: 60 }),
  stop: fc.constantFrom(-100, 0, 30, 60, 127, 1000),
  stopsByReach: fc.boolean(),
  near: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

describe('probing lists', () => {
  it.each(METRICS)('[V80] %s: gives the lists, candidates and closeness of plain loops, to the bit', (metric) => {
    let reordered = 0;
    const seen = { found: 0, stopped: 0, rounds: 0, saturated: 0, chunks: 0, tails: 0, weeded: 0, refused: 0, refined: 0, undecided: 0 };
    fc.assert(
      fc.property(scenario({ metric: fc.constant(metric) }), search, (options, { count, more, stop, stopsByReach, near }) => {
        const world = new ListWorld(options);
        const values = world.near(Math.floor(near * options.listCount));
        const undecided = { of: Math.ceil(count / 2), countMax: count + 9 };
        const query = { values, count, undecided, stop, stopsByReach, rescoreCount: count + more, allowed: world.allowed };
        const expected = searchPlainly(world, query);
        const { answer, probed } = searchCold(world, query);
        expect(probed).toEqual(expected.probed);
        expect(candidatesOf(world)).toEqual(expected.candidates);
        expect([...answer.rows]).toEqual(expected.rows);
        expect([...answer.closeness]).toEqual(expected.closeness);
        expect(world.lists.search(query, never).rows).toEqual(answer.rows);
        for (const row of answer.rows) expect(world.allowed.has(row)).toBe(true);
        seen.found += answer.rows.length;
        const scanned = probed.flatMap((list) => world.entries[list]!);
        if (probed.length < world.entries.filter(({ length }) => length > 0).length) seen.stopped += 1;
        if (expected.rounds > 1) seen.rounds += 1;
        if (expected.isSaturated) seen.saturated += 1;
        if (expected.isReordered) reordered += 1;
        if (Math.ceil(options.dimensions / options.subspaceDimensions) > 64) seen.chunks += 1;
        if (world.entries.some(({ length }) => length % 32 !== 0)) seen.tails += 1;
        if (scanned.length > candidatesOf(world).size * 2) seen.weeded += 1;
        if (scanned.some(({ row }) => !world.allowed.has(row))) seen.refused += 1;
        if (options.hasLowPlane && answer.rows.length === count) seen.refined += 1;
        if (answer.rows.length > count) seen.undecided += 1;
        world.free();
      }),
      { seed: 80, numRuns: effort(80) },
    );
    // Only the centroid of unit vectors says how far they are spread.
    if (metric === 'cosine') expect(reordered).toBeGreaterThan(2);
    for (const [name, times] of Object.entries(seen)) expect(times, name).toBeGreaterThan(2);
  });

  it('[V80] finds the same with the strict and the relaxed kernels', () => {
    expect(takesRelaxedSimd).toBe(true);
    fc.assert(
      fc.property(scenario(), search, (options, { count, more, stop, stopsByReach }) => {
        const answers = [probeModule, strictProbeModule].map((module) => {
          const world = new ListWorld({ ...options, module });
          const query = { values: world.near(0), count, stop, stopsByReach, rescoreCount: count + more, allowed: world.allowed };
          const { rows, closeness } = world.lists.search(query, never);
          world.free();
          return { rows, closeness };
        });
        expect(answers[0]).toEqual(answers[1]);
      }),
      { seed: 81, numRuns: effort(15) },
    );
  });

  it.each([
    { dimensions: 2, subspaceDimensions: 2, vectorCount: 300 },
    { dimensions: 768, subspaceDimensions: 4, vectorCount: 90 },
    { dimensions: 1536, subspaceDimensions: 4, vectorCount: 70 },
    { dimensions: 4096, subspaceDimensions: 4, vectorCount: 40 },
    { dimensions: 4096, subspaceDimensions: 2, vectorCount: 40 },
  ])('[V80] works on $dimensions dimensions in subspaces of $subspaceDimensions', (sizes) => {
    for (const metric of METRICS) {
      for (const hasLowPlane of [false, true]) {
        const world = new ListWorld({ ...sizes, metric, hasLowPlane, seed: 1, listCount: 3, magnitude: 1, spread: 0.3 });
        const query = { values: world.near(1), count: 7, stop: 1000, rescoreCount: 20, allowed: world.allowed };
        const expected = searchPlainly(world, query);
        const { rows, closeness } = world.lists.search(query, never);
        expect([...rows]).toEqual(expected.rows);
        expect([...closeness]).toEqual(expected.closeness);
        expect(rows).toHaveLength(7);
        world.free();
      }
    }
  });

  it.each([
    [27, 49],
    [111, 43],
    [156, 13],
    [159, 43],
  ])('[V80] takes what only the highest sum of 8 bits reaches: seed %i, row %i', (seed, row) => {
    const sizes = { dimensions: 96, subspaceDimensions: 2, listCount: 6, vectorCount: 40 };
    const world = new ListWorld({ ...sizes, metric: 'dot', hasLowPlane: false, seed, magnitude: 1, spread: 0.3 });
    const { nibbles } = world.entries.flat().find((entry) => entry.row === row)!;
    // The codewords of one entry: no other entry lies in that direction, and its own sum is beyond 8 bits.
    const values = Float32Array.from({ length: 96 }, (_, i) => world.model.codebook[((i >> 1) * 16 + nibbles[i >> 1]!) * 2 + (i & 1)]!);
    const query = { values, count: 1, stop: 1000, rescoreCount: 1, allowed: world.allowed };
    const expected = searchPlainly(world, query);
    expect([expected.takesHighest, expected.rows]).toEqual([true, [row]]);
    const { rows } = world.lists.search(query, never);
    expect([...rows]).toEqual(expected.rows);
    world.free();
  });

  it('[V80] proposes a thousand rows out of more candidates than it keeps at once', () => {
    const options = { metric: 'cosine', dimensions: 8, subspaceDimensions: 2, hasLowPlane: false, seed: 3, listCount: 10 } as const;
    const world = new ListWorld({ ...options, vectorCount: 12_000, magnitude: 1, spread: 0.5 });
    const query = { values: world.near(9), count: 1000, stop: 127, rescoreCount: 1500, allowed: world.allowed };
    const expected = searchPlainly(world, query);
    const { rows } = world.lists.search(query, never);
    expect([...rows]).toEqual(expected.rows);
    expect(rows).toHaveLength(1000);
    world.free();
  });
});

describe('probing vectors of extreme values', () => {
  const sizes = { dimensions: 6, subspaceDimensions: 3, listCount: 4, vectorCount: 200, seed: 5 };

  it.each(METRICS)('[V81] %s: at any magnitude, the closest by codes come first when all rows are rescored', (metric) => {
    let compared = 0;
    for (const magnitude of [0, 1e-44, 1e-38, 1e-20, 1, 1e19, 1e30, 3.4e38]) {
      for (const spread of [0, 1e-3, 1]) {
        for (const factor of [0, 1e-3, 1, 1e3]) {
          const world = new ListWorld({ ...sizes, metric, magnitude, spread, hasLowPlane: true });
          const values = world.near(2).map((value) => Math.max(-3.4e38, Math.min(3.4e38, value * factor)));
          const query = { values, count: 200, stop: 1e9, rescoreCount: 300, allowed: world.allowed };
          const expected = searchPlainly(world, query);
          const { rows, closeness } = world.lists.search(query, never);
          expect([...rows]).toEqual(expected.rows);
          expect(closeness.every(Number.isFinite)).toBe(true);
          expect([...closeness]).toEqual([...closeness].toSorted((a, b) => b - a));
          expect(rows).toHaveLength(world.entries.flat().filter(({ row }) => world.allowed.has(row)).length);
          compared += rows.length;
          world.free();
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });
});
