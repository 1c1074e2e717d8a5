import { describe, expect, it } from 'vitest';
import { RecentVectors } from '../../../src/ann/engine/recent-vectors.ts';
import type { Row, StoredVector } from '../../../src/ann/stored-vector.ts';
import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { keyOf, ShardWorld, smallFloor } from '../../support/worlds/shard-world.ts';

const MEBIBYTE = 1024 * 1024;

const idOf = (row: Row): string => `${row}`.padStart(row % 7 === 0 ? 300 : 1, 'é');
const valuesOf = (row: Row, dimensions: number): Float32Array => {
  const values = new Float32Array(dimensions).fill(row);
  values[dimensions - 1] = -row;
  return values;
};

/** The length and the values at both ends and in the middle: all values of a row are its own. */
const digestOf = (values: Float32Array) => [values.length, values[0], values[values.length >> 1], values.at(-1)];

/** A cache over rows that all exist; `asked` are those that the store was asked for. */
function cache(memory: MemoryRegistry, dimensions: number, name = 'a') {
  const asked: Row[] = [];
  const recent = new RecentVectors(memory, name, dimensions);
  const read = recent.reading((rows): StoredVector[] => {
    asked.push(...rows);
    return rows.map((row) => ({ row, id: idOf(row), values: valuesOf(row, dimensions) }));
  });
  return {
    recent,
    /** What it answers, and how many of the rows it asked the store for. */
    read: (rows: readonly Row[]) => {
      asked.length = 0;
      const found = Array.from(read(rows), ({ row, id, values }) => ({ row, id, values: digestOf(values) }));
      return { found: found.sort((a, b) => a.row - b.row), asked: asked.length };
    },
  };
}

describe('RecentVectors', () => {
  it.each([2, 100, 784, 8_192])(
    '[V182] of %i dimensions: answers what the store does, through growth, reuse and eviction',
    (dimensions) => {
      const memory = new MemoryRegistry(MEBIBYTE);
      const random = new Seeded(dimensions);
      const { recent, read } = cache(memory, dimensions);
      const seen = { hits: 0, evictions: 0, fullest: 0 };
      const rowsMax = Math.ceil((4 * MEBIBYTE) / (4 * dimensions + 80));
      for (let step = 0; step < 400; step += 1) {
        // Some rows are read again and again.
        const rows = new Set(Array.from({ length: 40 }, () => 1 + Math.floor(random.next() ** 3 * rowsMax)));
        const { found, asked } = read([...rows]);
        expect(found).toEqual(
          [...rows].toSorted((a, b) => a - b).map((row) => ({ row, id: idOf(row), values: digestOf(valuesOf(row, dimensions)) })),
        );
        seen.hits += rows.size - asked;
        seen.fullest = Math.max(seen.fullest, recent.bytes);
        if (step % 50 === 49) {
          const before = recent.bytes;
          memory.claim('engine', { evict: () => Infinity }, Math.floor(random.next() * 700_000));
          seen.evictions += Number(recent.bytes < before);
        }
        expect(memory.bytes).toBeLessThanOrEqual(MEBIBYTE);
      }
      expect(seen.hits).toBeGreaterThan(400);
      expect(seen.evictions).toBeGreaterThan(0);
      expect(seen.fullest).toBeGreaterThan(MEBIBYTE / 2);
      recent.drop();
      expect([recent.bytes, recent.count]).toEqual([0, 0]);
    },
  );

  it('[V182] asks the store for no vector twice while there is memory to spare', () => {
    const { read } = cache(new MemoryRegistry(MEBIBYTE), 100);
    const rows = Array.from({ length: 1_000 }, (_, i) => i * 7 + 1);
    expect(read(rows).asked).toBe(1_000);
    expect(read(rows).asked).toBe(0);
    expect(read([...rows, 2]).asked).toBe(1);
  });

  it('[V182] takes nothing where engines may claim everything, and keeps nothing', () => {
    const memory = new MemoryRegistry(MEBIBYTE);
    memory.claim('engine', { evict: () => Infinity }, MEBIBYTE);
    const { recent, read } = cache(memory, 100);
    expect(read([1, 2]).found).toHaveLength(2);
    expect(recent.bytes).toBe(0);
  });
});

describe.each(['lists', 'no lists'])('a shard with %s', (kind) => {
  const world = new ShardWorld(smallFloor(8 * MEBIBYTE), { dimensions: 8, metric: 'cosine' });
  const random = new Seeded(5);
  const vector = () => Float32Array.from({ length: 8 }, () => random.next() - 0.5);
  const counts = { statements: 0 };

  it('[V181] a query whose matches it has in memory asks SQL nothing, and answers the same', () => {
    const count = kind === 'lists' ? 600 : 40;
    world.upsert(Array.from({ length: count }, (_, i) => ({ id: `v${i}`, namespace: '', n: i, values: vector() })));
    if (kind === 'lists') world.settle();
    const { exec } = world.sql.sql;
    Object.assign(world.sql.sql, {
      exec: (...args: Parameters<typeof exec>) => {
        counts.statements += 1;
        return exec(...args);
      },
    });
    const query = { values: vector(), topK: 10 };
    const first = world.query(query);
    expect(first.explanation?.engine).toBe(kind === 'lists' ? 'lists' : 'flat');
    counts.statements = 0;
    expect(world.query(query)).toEqual(first);
    expect(counts.statements).toBe(0);
    expect(first.ids).toHaveLength(10);
  });

  it('[V184] a query with metadata whose matches are in memory asks SQL nothing, and sees replacements', () => {
    const query = { values: vector(), topK: 10, withMetadata: true };
    const first = world.query(query);
    expect(first.metadata).toEqual(first.ids.map((id) => JSON.stringify({ n: world.vectors.get(keyOf('', id))?.n })));
    counts.statements = 0;
    expect(world.query(query)).toEqual(first);
    expect(counts.statements).toBe(0);
    const { id, values } = world.vectors.get(keyOf('', first.ids[0]!))!;
    world.upsert([{ id, namespace: '', n: 4_711, values }]);
    expect(world.query(query)).toMatchObject({ ids: first.ids, metadata: ['{"n":4711}', ...first.metadata!.slice(1)] });
    world.restart();
    expect(world.query(query)).toMatchObject({ ids: first.ids, metadata: ['{"n":4711}', ...first.metadata!.slice(1)] });
  });

  it('[V182] finds vectors that replaced those in memory by their new values', () => {
    const query = { values: vector(), topK: 1 };
    const [closest] = world.query(query).ids;
    world.upsert([{ id: closest!, namespace: '', n: 0, values: query.values.map((x) => -x) }]);
    expect(world.query(query).ids).not.toEqual([closest]);
    world.upsert([{ id: closest!, namespace: '', n: 0, values: query.values }]);
    expect(world.query(query)).toMatchObject({ ids: [closest], scores: [1] });
  });
});
