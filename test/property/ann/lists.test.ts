import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BLOCK_ENTRIES } from '../../../src/ann/lists/block-layout.ts';
import { CorruptList } from '../../../src/ann/lists/integrity.ts';
import { prepare } from '../../../src/ann/lists/list-model.ts';
import type { ListModel } from '../../../src/ann/lists/list-model.ts';
import { METRICS } from '../../../src/contract/indexes/index-settings.ts';
import { effort } from '../../support/fixtures/effort.ts';
import type { Entry, ListWorldOptions } from '../../support/worlds/list-world.ts';
import { ListWorld } from '../../support/worlds/list-world.ts';

const never = (list: number): never => {
  throw new Error(`list ${list} is resident`);
};

const options = fc.record({
  metric: fc.constantFrom(...METRICS),
  dimensions: fc.oneof(fc.integer({ min: 2, max: 30 }), fc.constantFrom(300, 1100)),
  subspaceDimensions: fc.constantFrom(2, 3),
  hasLowPlane: fc.boolean(),
  seed: fc.integer({ min: 0, max: 2 ** 30 }),
  listCount: fc.integer({ min: 2, max: 6 }),
  vectorCount: fc.integer({ min: 1, max: 120 }),
  magnitude: fc.constantFrom(1e-20, 1, 1e18),
  spread: fc.constantFrom(0.01, 0.5),
});

const valuesOf = (entries: readonly Entry[], hasLow: boolean): number[] =>
  entries.flatMap(({ codes, low, scale }) => Array.from(codes, (code, i) => Math.fround(scale * (code + (hasLow ? low[i]! / 256 : 0)))));

function expectHolds(world: ListWorld, list: number, entries: readonly Entry[]): void {
  const { lists } = world;
  expect(lists.entryCount(list)).toBe(entries.length);
  if (lists.isResident(list)) expect(lists.blocks(list, 0)).toHaveLength(Math.ceil(entries.length / 32));
  expect([...lists.rowsOf(list)]).toEqual(entries.map(({ row }) => row));
  expect([...lists.valuesOf(list)]).toEqual(valuesOf(entries, world.model.hasLowPlane));
}

describe('lists in memory', () => {
  it('[V82] hold their entries through appends, rewrites, evictions, adoptions and removals', () => {
    const seen = { append: 0, retain: 0, shorten: 0, evict: 0, remove: 0, shrunk: 0 };
    const steps = fc.array(fc.record({ kind: fc.constantFrom(...(Object.keys(seen) as 'append'[])), list: fc.nat(), seed: fc.nat() }), {
      minLength: 5,
      maxLength: 30,
    });
    fc.assert(
      fc.property(options, steps, (world_, operations) => {
        const world = new ListWorld(world_);
        const { lists } = world;
        const held = new Map(world.entries.map((entries, list) => [list, [...entries]]));
        let row = 1_000_000;
        for (const { kind, list: chosen, seed } of operations) {
          const list = chosen % world_.listCount;
          const entries = held.get(list);
          if (entries === undefined) {
            lists.putList(list, world.centroids[list]!, 0);
            held.set(list, []);
          } else if (kind === 'append') {
            const added = Array.from({ length: 1 + (seed % 70) }, () => world.add((row += 1)));
            const columns = world.columns(added);
            lists.append(list, columns, 1, added.length);
            entries.push(...added.slice(1));
          } else if (kind === 'retain') {
            const positions = entries.map((_, position) => position).filter((position) => (position * 7 + seed) % 3 !== 0);
            if (seed % 2 === 0) positions.reverse();
            lists.retain(list, Uint32Array.from(positions));
            held.set(
              list,
              positions.map((position) => entries[position]!),
            );
          } else if (kind === 'shorten') {
            const blockCount = Math.floor(entries.length / BLOCK_ENTRIES);
            if (blockCount === 0) continue;
            entries.length = BLOCK_ENTRIES * (1 + (seed % blockCount));
            lists.shorten(list, entries.length);
          } else if (kind === 'evict') {
            const blocks = lists.blocks(list, 0);
            lists.evict(list);
            expect(lists.isResident(list)).toBe(entries.length === 0);
            if (entries.length > 0) lists.adopt(list, blocks);
            expect(lists.blocks(list, 0)).toEqual(blocks);
            expect(lists.blocks(list, 1)).toEqual(blocks.slice(1));
          } else if (kind === 'remove') {
            lists.removeList(list);
            held.delete(list);
          }
          seen[kind] += 1;
          for (const [one, expected] of held) expectHolds(world, one, expected);
        }
        const before = lists.bytes;
        for (const list of held.keys()) lists.evict(list);
        if (lists.bytes < before) seen.shrunk += 1;
        // Nothing is left but the directory.
        const fresh = new ListWorld(world_);
        for (const list of fresh.entries.keys()) fresh.lists.evict(list);
        expect(lists.bytes).toBe(fresh.lists.bytes);
        fresh.free();
        world.free();
        expect(lists.bytes).toBe(0);
      }),
      { seed: 82, numRuns: effort(15) },
    );
    for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(5);
  });

  it('[V83] give the same answer if they are evicted and read again during a search', () => {
    const seen = { evicted: 0, refined: 0, found: 0, undecided: 0 };
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 30 }), (world_, count) => {
        const world = new ListWorld(world_);
        const { lists } = world;
        const undecided = { of: count, countMax: count + 15 };
        const query = { values: world.near(0), count, undecided, stop: 127, rescoreCount: count + 20, allowed: world.allowed };
        const blocks = world.entries.map((_, list) => lists.blocks(list, 0));
        const expected = lists.search(query, never);
        const exact = lists.searchExact(query, never);
        // There is room for one list at a time.
        const pageIn = (list: number) => {
          for (const other of lists.leastRecentlyUsed()) {
            lists.evict(other);
            seen.evicted += 1;
          }
          lists.adopt(list, blocks[list]!);
        };
        for (const list of blocks.keys()) lists.evict(list);
        const cold = lists.search(query, pageIn);
        // Entries of lists evicted early are rescored with both planes at once, which can only be more precise.
        if (!world_.hasLowPlane) expect(cold).toEqual({ ...expected, cost: expect.any(Object) });
        else seen.refined += 1;
        expect(cold.rows).toHaveLength(expected.rows.length);
        expect(cold.cost).toEqual({ ...expected.cost, listsPagedIn: cold.cost.listsProbed });
        for (const list of blocks.keys()) lists.evict(list);
        expect(lists.searchExact(query, pageIn)).toEqual({ ...exact, cost: expect.any(Object) });
        seen.found += cold.rows.length;
        if (cold.rows.length > count) seen.undecided += 1;
        world.free();
      }),
      { seed: 83, numRuns: effort(40) },
    );
    for (const [name, times] of Object.entries(seen)) expect(times, name).toBeGreaterThan(5);
  });
});

/** q.x + b in the index's space, from the stored values. */
function closeness({ metric, mean }: ListModel, query: Float32Array, values: Float32Array): number {
  const model = { metric, mean, dimensions: query.length };
  const [q, x] = [new Float32Array(query.length), new Float32Array(query.length)];
  prepare(model, query, q);
  prepare(model, values, x);
  let [product, squared] = [0, 0];
  for (let i = 0; i < q.length; i += 1) {
    product += q[i]! * x[i]!;
    squared += x[i]! * x[i]!;
  }
  return metric === 'l2' ? product - squared / 2 : product;
}

describe('exact searches', () => {
  it.each(METRICS)('[V84] %s: every interval holds the true closeness, and every possible match is proposed', (metric) => {
    const seen = { found: 0, leftOut: 0 };
    const run = (chosen: ListWorldOptions, count: number) => {
      const world = new ListWorld(chosen);
      const values = world.near(0);
      const answer = world.lists.searchExact({ values, count, stop: 0, rescoreCount: count, allowed: world.allowed }, never);
      const allowed = world.entries.flat().filter(({ row }) => world.allowed.has(row));
      const truth = new Map(allowed.map((entry) => [entry.row, closeness(world.model, values, entry.values)]));
      for (const [i, row] of answer.rows.entries()) {
        expect(Math.abs(truth.get(row)! - answer.closeness[i]!)).toBeLessThanOrEqual(answer.errors![i]!);
      }
      const last = [...truth.values()].toSorted((a, b) => b - a)[count - 1] ?? -Infinity;
      const found = new Set(answer.rows);
      for (const [row, value] of truth) if (value >= last) expect(found.has(row)).toBe(true);
      seen.found += answer.rows.length;
      seen.leftOut += truth.size - answer.rows.length;
      world.free();
    };
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 20 }), (chosen, count) => run({ ...chosen, metric }, count)),
      { seed: 84, numRuns: effort(25) },
    );
    expect(seen.found).toBeGreaterThan(100);
    expect(seen.leftOut).toBeGreaterThan(100);
  });
});

describe('bytes of blocks', () => {
  it('[V85] are refused if truncated, altered, of another layout or of another list', () => {
    const seen = { cut: 0, flipped: 0, other: 0 };
    fc.assert(
      fc.property(options, fc.nat(), fc.nat(), (world_, place, bit) => {
        const world = new ListWorld(world_);
        const { lists } = world;
        const list = world.entries.findIndex(({ length }) => length > 0);
        const blocks = lists.blocks(list, 0);
        lists.evict(list);
        const bytesBefore = lists.bytes;
        const refuses = (bytes: readonly Uint8Array[], kind: keyof typeof seen) => {
          expect(() => lists.adopt(list, bytes)).toThrow(CorruptList);
          expect(lists.isResident(list)).toBe(false);
          expect(lists.bytes).toBe(bytesBefore);
          seen[kind] += 1;
        };
        const chosen = place % blocks.length;
        const altered = (alter: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array) =>
          blocks.map((bytes, i) => (i === chosen ? alter(bytes.slice()) : bytes));
        refuses(
          altered((bytes) => bytes.subarray(0, bit % bytes.length)),
          'cut',
        );
        refuses(blocks.slice(0, -1), 'cut');
        refuses([...blocks, blocks[0]!], 'other');
        refuses(
          altered((bytes) => {
            bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
            return bytes;
          }),
          'flipped',
        );
        lists.adopt(list, blocks);
        expectHolds(world, list, world.entries[list]!);
        const other = new ListWorld({ ...world_, dimensions: world_.dimensions + 1 });
        const otherList = other.entries.findIndex(({ length }) => length === world.entries[list]!.length);
        if (otherList !== -1) {
          other.lists.evict(otherList);
          expect(() => other.lists.adopt(otherList, blocks)).toThrow(CorruptList);
          seen.other += 1;
        }
        other.free();
        world.free();
      }),
      { seed: 85, numRuns: effort(30) },
    );
    for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(5);
  });
});
