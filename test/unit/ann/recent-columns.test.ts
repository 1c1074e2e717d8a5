import { describe, expect, it } from 'vitest';
import { RecentColumns } from '../../../src/ann/engine/recent-columns.ts';
import type { Include, VectorColumns } from '../../../src/ann/shard-protocol.ts';
import type { Row } from '../../../src/ann/stored-vector.ts';
import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const MEBIBYTE = 1024 * 1024;
/** Gives back all that it claimed. */
const ENGINE = { evict: () => Infinity };

const ALL: Include = { values: false, metadata: true, text: true };
const METADATA: Include = { values: false, metadata: true, text: false };
const TEXT: Include = { values: false, metadata: false, text: true };

const metadataOf = (row: Row): string | null => (row % 5 === 0 ? null : JSON.stringify({ row, tags: 'é'.repeat(row % 90) }));
/** One in a while is longer than what is kept. */
const textOf = (row: Row): string | null => (row % 3 === 0 ? null : `${row}`.repeat(row % 97 === 0 ? 9_000 : row % 60));

/** What the store answers. */
const stored = (rows: readonly Row[], { metadata, text }: Include): VectorColumns => ({
  ids: rows.map((row) => `v${row}`),
  values: null,
  metadata: metadata ? rows.map(metadataOf) : null,
  texts: text ? rows.map(textOf) : null,
});

/** A cache over rows that all exist; `asked` are those that the store was last asked for. */
function cache(memory: MemoryRegistry, name = 'a') {
  const asked: Row[][] = [];
  const recent = new RecentColumns(memory, name);
  return {
    recent,
    /** What it answers, and the rows that it asked the store for. */
    read: (rows: readonly Row[], include: Include, bytesMax = Infinity) => {
      asked.length = 0;
      const found = recent.columns(rows, include, bytesMax, (missing) => {
        asked.push([...missing]);
        return stored(missing, include);
      });
      return { found, asked: asked.flat(), calls: asked.length };
    },
  };
}

describe('RecentColumns', () => {
  it('[V184] answers what the store does, in the order asked for, through growth, reuse and eviction', () => {
    const memory = new MemoryRegistry(MEBIBYTE);
    const random = new Seeded(184);
    const { recent, read } = cache(memory);
    const seen = { hits: 0, evictions: 0, fullest: 0 };
    let engineBytes = 0;
    for (let step = 0; step < 600; step += 1) {
      const rows = [...new Set(Array.from({ length: 30 }, () => 1 + Math.floor(random.next() ** 2 * 12_000)))];
      const include = [ALL, METADATA, TEXT][step % 3] ?? ALL;
      const { found, asked, calls } = read(rows, include);
      expect(found).toEqual(stored(rows, include));
      expect(calls).toBe(Number(asked.length > 0));
      seen.hits += rows.length - asked.length;
      seen.fullest = Math.max(seen.fullest, recent.bytes);
      if (step % 50 === 49) {
        const before = recent.bytes;
        engineBytes = 1_000 * step;
        memory.claim('engine', ENGINE, engineBytes);
        seen.evictions += Number(recent.bytes < before);
      }
      expect(memory.bytes).toBeLessThanOrEqual(MEBIBYTE);
    }
    expect(seen.hits).toBeGreaterThan(600);
    expect(seen.evictions).toBeGreaterThan(0);
    expect(seen.fullest).toBeGreaterThan(MEBIBYTE / 2);
    recent.drop();
    expect([recent.bytes, memory.bytes]).toEqual([0, engineBytes]);
    expect(read([1, 2], ALL)).toMatchObject({ asked: [1, 2] });
  });

  it('[V184] asks the store for no column of a row twice, and for what is missing alone', () => {
    const { read } = cache(new MemoryRegistry(MEBIBYTE));
    expect(read([4, 1, 2], METADATA).asked).toEqual([4, 1, 2]);
    expect(read([2, 7, 1], METADATA).asked).toEqual([7]);
    expect(read([1, 2], TEXT).asked).toEqual([1, 2]);
    // Both columns are known by now, each from a reading of its own.
    expect(read([2, 1], ALL)).toMatchObject({ asked: [], found: stored([2, 1], ALL) });
  });

  it('[V184] keeps no more than it claims, what was kept longest goes first, and long texts are not kept', () => {
    const memory = new MemoryRegistry(MEBIBYTE);
    memory.claim('engine', ENGINE, MEBIBYTE - 140_000);
    const { recent, read } = cache(memory);
    const rows = Array.from({ length: 3_000 }, (_, i) => i + 1);
    for (let at = 0; at < rows.length; at += 10) read(rows.slice(at, at + 10), METADATA);
    expect(recent.bytes).toBe(128 * 1024);
    expect(read(rows.slice(-10), METADATA).asked).toEqual([]);
    expect(read(rows.slice(0, 10), METADATA).asked).toHaveLength(10);
    expect(read([97], TEXT).asked).toEqual([97]);
    expect(read([97], TEXT).asked).toEqual([97]);
  });

  it('[V184] takes nothing where engines may claim everything, and answers all the same', () => {
    const memory = new MemoryRegistry(MEBIBYTE);
    memory.claim('engine', ENGINE, MEBIBYTE);
    const { recent, read } = cache(memory);
    expect(read([1, 2], ALL).found).toEqual(stored([1, 2], ALL));
    expect(read([1, 2], ALL).asked).toEqual([1, 2]);
    expect(recent.bytes).toBe(0);
  });

  it('[V16] answers nothing beyond the bytes of an answer, whether its rows are in memory or not', () => {
    const { read } = cache(new MemoryRegistry(MEBIBYTE));
    const bytes = 2 * [61, 62].reduce((sum, row) => sum + `v${row}`.length + (metadataOf(row)?.length ?? 0), 0);
    for (const attempt of ['read', 'known']) {
      expect(read([61, 62], METADATA, bytes - 1).found, attempt).toBeUndefined();
      expect(read([61, 62], METADATA, bytes).found, attempt).toEqual(stored([61, 62], METADATA));
    }
  });
});
