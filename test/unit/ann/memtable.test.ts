import { beforeEach, describe, expect, it } from 'vitest';

import { flatEngineBytes } from '../../../src/ann/flat/flat-engine.ts';
import { PAGE_BYTES, PageMemory } from '../../../src/ann/page-memory.ts';
import { Memtable } from '../../../src/ann/engine/memtable.ts';
import { RowSet } from '../../../src/ann/filter/row-set.ts';
import { Scanner, pageLayout } from '../../../src/ann/flat/scanner.ts';
import type { ShardHeader } from '../../../src/ann/shard-header.ts';
import type { PlacedVector } from '../../../src/ann/stored-vector.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';
import { scanModule } from '../../support/fakes/scan-module.ts';

const DIMENSIONS = 100;
const COUNT = 2 * pageLayout(DIMENSIONS).capacity + 1;
const BYTES_MAX = 2 * flatEngineBytes(COUNT, DIMENSIONS);

const header: ShardHeader = { indexId: 'ix_1' as IndexId, dimensions: DIMENSIONS, metric: 'dot', lsn: 1, count: COUNT, nextRow: COUNT + 1 };

const vectorOf = (row: number, seed: number): PlacedVector => ({
  row,
  namespace: 0,
  values: Float32Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(seed * 31 + row * 7 + i)),
});
const vectorsOf = (seed: number): PlacedVector[] => Array.from({ length: COUNT }, (_, i) => vectorOf(i + 1, seed));

let registry: MemoryRegistry;
let scanner: Scanner;
/** A memtable over a store with these vectors, all in no list. */
function memtable(name: string, stored: () => Iterable<PlacedVector>): Memtable {
  const store = { scan: stored, unlistedRows: () => RowSet.of(Array.from({ length: COUNT }, (_, i) => i + 1)) };
  return new Memtable(registry, scanner, name, store);
}

/** The row closest to the vector of `row`. */
function nearest(table: Memtable, vectors: readonly PlacedVector[], row: number): number | undefined {
  const byRow = new Map(vectors.map((vector) => [vector.row, vector]));
  const { values } = byRow.get(row)!;
  return table
    .load(header)
    .search({ values, namespace: 0, topK: 1 }, (rows) =>
      rows.map((one) => ({ row: one, id: String(one), values: byRow.get(one)!.values })),
    )[0]?.row;
}

beforeEach(() => {
  registry = new MemoryRegistry(BYTES_MAX);
  scanner = new Scanner(scanModule, new PageMemory(BYTES_MAX));
});

describe('Memtable', () => {
  it('[V32] any number of shards share the memory of two by eviction, and every answer is right', () => {
    const shards = Array.from({ length: 7 }, (_, seed) => ({
      table: memtable(`shard ${seed}`, () => vectorsOf(seed)),
      vectors: vectorsOf(seed),
    }));
    for (let round = 0; round < 3; round += 1) {
      for (const { table, vectors } of shards) {
        const row = 1 + ((round * 400) % COUNT);
        const own = vectors[row - 1]!.values;
        const best = vectors.reduce((a, b) => (dot(own, b.values) > dot(own, a.values) ? b : a));
        expect(nearest(table, vectors, row)).toBe(best.row);
        expect(scanner.memory.bytes).toBeLessThanOrEqual(BYTES_MAX + PAGE_BYTES);
      }
    }
    expect(shards.map(({ table }) => table.bytes > 0)).toEqual([false, false, false, false, false, true, true]);
  });

  it('[V14] claims memory as it grows, evicting others', () => {
    const growing = memtable('growing', () => vectorsOf(2));
    const other = memtable('other', () => vectorsOf(1));
    growing.load(header);
    other.load(header);
    growing.put(
      Array.from({ length: COUNT }, (_, i) => vectorOf(COUNT + i + 1, 2)),
      header,
    );
    expect(registry.bytes).toBe(flatEngineBytes(2 * COUNT, DIMENSIONS));
    expect([growing.bytes, other.bytes]).toEqual([registry.bytes, 0]);
  });

  it('[V32] releases its pages when it is dropped or shrinks', () => {
    const table = memtable('a', () => vectorsOf(1));
    for (let cycle = 0; cycle < 20; cycle += 1) {
      table.load(header);
      if (cycle % 2 === 0) table.drop();
      else table.remove(Array.from({ length: COUNT }, (_, i) => i + 1));
      expect(table.bytes).toBe(0);
      table.drop();
    }
    expect(scanner.memory.bytes).toBeLessThanOrEqual(BYTES_MAX + PAGE_BYTES);
  });

  it('[V33] skips rows that it does not hold', () => {
    const table = memtable('a', () => vectorsOf(1));
    table.load(header);
    table.remove([COUNT + 7, 1, COUNT + 8]);
    expect(table.load(header).count).toBe(COUNT - 1);
  });

  it('[V33] is discarded by a write that it cannot follow: the next search reads the store again', () => {
    const vectors = vectorsOf(1);
    const table = memtable('a', () => vectors);
    table.load(header);
    const broken = { row: COUNT + 3, namespace: 0, values: new Float32Array(DIMENSIONS).fill(NaN) };
    expect(() => table.put([vectorOf(COUNT + 2, 9), broken], header)).toThrow('values are finite');
    expect([table.bytes, registry.bytes]).toEqual([0, 0]);
    expect(table.load(header).count).toBe(COUNT);
  });

  it('[V33] is discarded if the store cannot be read to its end', () => {
    let isTorn = true;
    const table = memtable('a', function* () {
      yield vectorOf(1, 1);
      if (isTorn) throw new Error('corrupt');
    });
    expect(() => table.load(header)).toThrow('corrupt');
    expect(table.bytes).toBe(0);
    isTorn = false;
    expect(nearest(table, vectorsOf(1), 1)).toBe(1);
  });
});

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}
