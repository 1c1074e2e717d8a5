import { beforeEach, describe, expect, it } from 'vitest';

import { flatEngineBytes } from '../../../src/ann/flat-engine.ts';
import { PAGE_BYTES } from '../../../src/ann/page-memory.ts';
import { ResidentEngine } from '../../../src/ann/resident-engine.ts';
import { Scanner } from '../../../src/ann/scanner.ts';
import type { PlacedVector, ShardHeader } from '../../../src/ann/vector-store.ts';
import { pageLayout } from '../../../src/ann/vector-page.ts';
import type { IndexId } from '../../../src/kernel/ids.ts';
import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';
import { scanModule } from '../../support/scan-module.ts';

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
const engineNamed = (name: string) => new ResidentEngine(registry, scanner, name);

/** The row closest to the vector of `row`. */
function nearest(engine: ResidentEngine, vectors: readonly PlacedVector[], row: number): number | undefined {
  const byRow = new Map(vectors.map((vector) => [vector.row, vector]));
  const { values } = byRow.get(row)!;
  return engine
    .load(header, () => vectors)
    .search({ values, namespace: 0, topK: 1 }, (rows) =>
      rows.map((one) => ({ row: one, id: String(one), values: byRow.get(one)!.values })),
    )[0]?.row;
}

beforeEach(() => {
  registry = new MemoryRegistry(BYTES_MAX);
  scanner = new Scanner(scanModule, BYTES_MAX);
});

describe('ResidentEngine', () => {
  it('[V32] any number of shards take turns in the memory of two, and every answer stays right', () => {
    const shards = Array.from({ length: 7 }, (_, seed) => ({ engine: engineNamed(`shard ${seed}`), vectors: vectorsOf(seed) }));
    for (let round = 0; round < 3; round += 1) {
      for (const { engine, vectors } of shards) {
        const row = 1 + ((round * 400) % COUNT);
        const own = vectors[row - 1]!.values;
        const best = vectors.reduce((a, b) => (dot(own, b.values) > dot(own, a.values) ? b : a));
        expect(nearest(engine, vectors, row)).toBe(best.row);
        expect(scanner.memory.bytes).toBeLessThanOrEqual(BYTES_MAX + PAGE_BYTES);
      }
    }
    expect(shards.map(({ engine }) => engine.bytes > 0)).toEqual([false, false, false, false, false, true, true]);
  });

  it('[V14] an engine that grows claims its growth, at the cost of others', () => {
    const growing = engineNamed('growing');
    const other = engineNamed('other');
    const none = { ...header, count: 0 };
    growing.load(none, () => []);
    other.load(header, () => vectorsOf(1));
    const full = { ...header, count: 2 * COUNT };
    growing.put(
      Array.from({ length: 2 * COUNT }, (_, i) => vectorOf(i + 1, 2)),
      full,
    );
    expect(registry.bytes).toBe(flatEngineBytes(full.count, DIMENSIONS));
    expect([growing.bytes, other.bytes]).toEqual([registry.bytes, 0]);
  });

  it('[V32] an engine that is dropped, or shrinks, gives its pages back', () => {
    const engine = engineNamed('a');
    for (let cycle = 0; cycle < 20; cycle += 1) {
      engine.load(header, () => vectorsOf(cycle));
      if (cycle % 2 === 0) engine.drop();
      else engine.remove(Array.from({ length: COUNT }, (_, i) => i + 1));
      expect(engine.bytes).toBe(0);
    }
    expect(scanner.memory.bytes).toBeLessThanOrEqual(BYTES_MAX + PAGE_BYTES);
  });

  it('[V33] a write that it cannot follow leaves no half of it: the next search reads the store again', () => {
    const engine = engineNamed('a');
    const vectors = vectorsOf(1);
    engine.load(header, () => vectors);
    const broken = { row: 3, namespace: 0, values: new Float32Array(DIMENSIONS).fill(NaN) };
    expect(() => engine.put([vectorOf(2, 9), broken], header)).toThrow('values are finite');
    expect(engine.bytes).toBe(0);
    expect(registry.bytes).toBe(0);
    const row = nearest(engine, vectors, 2);
    expect(row).toBe(nearest(engineNamed('b'), vectors, 2));
  });

  it('[V33] nor does a store that cannot be read to its end', () => {
    const engine = engineNamed('a');
    function* torn() {
      yield vectorOf(1, 1);
      throw new Error('corrupt');
    }
    expect(() => engine.load(header, torn)).toThrow('corrupt');
    expect(engine.bytes).toBe(0);
    expect(nearest(engine, vectorsOf(1), 1)).toBeDefined();
  });
});

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}
