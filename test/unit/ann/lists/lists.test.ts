import { describe, expect, it } from 'vitest';

import { RowSet } from '../../../../src/ann/filter/row-set.ts';
import { ListDirectory } from '../../../../src/ann/lists/list-directory.ts';
import { CellPool } from '../../../../src/ann/lists/cell-pool.ts';
import { CorruptList, checksum } from '../../../../src/ann/lists/integrity.ts';
import {
  centroidOf,
  centroidValues,
  decodeListModel,
  distanceToCentroid,
  encodeListModel,
  prepare,
} from '../../../../src/ann/lists/list-model.ts';
import { ProbeKernels } from '../../../../src/ann/lists/probe-kernels.ts';
import { RowBitmap } from '../../../../src/ann/lists/row-bitmap.ts';
import { PAGE_BYTES, PageMemory } from '../../../../src/ann/page-memory.ts';
import { METRICS } from '../../../../src/contract/indexes/index-settings.ts';
import { squaredDistance } from '../../../../src/ann/maintenance/split-in-two.ts';
import { ListWorld } from '../../../support/worlds/list-world.ts';
import { probeModule } from '../../../support/fakes/probe-module.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

const memory = new PageMemory(32 * 1024 * 1024);
const random = new Seeded(86);
const randomBytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random.next() * 256));

describe('checksums', () => {
  const kernels = new ProbeKernels(probeModule, memory);

  it('[V85] are the same from the kernel and from a plain loop, for any length', () => {
    for (let length = 0; length < 200; length += 1) {
      const bytes = randomBytes(length);
      expect(kernels.checksum(bytes)).toBe(checksum(bytes));
    }
    expect(kernels.checksum(randomBytes(200_000))).toBeGreaterThan(0);
  });

  it('[V85] change with any altered byte, and with added or removed zeros', () => {
    const bytes = randomBytes(150);
    const sums = new Set([checksum(bytes)]);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const flip of [1, 128, 255]) sums.add(checksum(bytes.map((byte, i) => (i === at ? byte ^ flip : byte))));
    }
    for (let zeros = 1; zeros < 70; zeros += 1) sums.add(checksum(Uint8Array.from([...bytes, ...new Uint8Array(zeros)])));
    expect(sums.size).toBe(1 + 3 * 150 + 69);
  });
});

describe('models', () => {
  const worldOf = (metric: (typeof METRICS)[number]) =>
    new ListWorld({
      metric,
      dimensions: 7,
      subspaceDimensions: 3,
      hasLowPlane: metric === 'dot',
      seed: 1,
      listCount: 1,
      vectorCount: 0,
      magnitude: 1,
      spread: 1,
    });

  it.each(METRICS)('[V86] %s: round-trip through their bytes', (metric) => {
    const world = worldOf(metric);
    expect(decodeListModel(encodeListModel(world.model))).toEqual(world.model);
    // From any offset in a buffer.
    const bytes = encodeListModel(world.model);
    expect(decodeListModel(Uint8Array.from([0, ...bytes]).subarray(1))).toEqual(world.model);
    world.free();
  });

  it('[V86] are refused if altered, truncated or of another layout', () => {
    const world = worldOf('l2');
    const bytes = encodeListModel(world.model);
    for (let at = 0; at < bytes.length; at += 1) {
      expect(() => decodeListModel(bytes.map((byte, i) => (i === at ? byte ^ 4 : byte)))).toThrow(CorruptList);
      expect(() => decodeListModel(bytes.subarray(0, at))).toThrow(CorruptList);
    }
    world.free();
  });

  it('[V81] prepare vectors without overflow; centroids equal their codes', () => {
    const out = new Float32Array(2);
    const mean = Float32Array.of(3e38, -3e38);
    prepare({ metric: 'l2', mean, dimensions: 2 }, Float32Array.of(-3e38, 3e38), out);
    expect(out.map(Math.sign)).toEqual(Float32Array.of(-1, 1));
    expect(out.every(Number.isFinite)).toBe(true);
    prepare({ metric: 'cosine', mean, dimensions: 2 }, Float32Array.of(3e38, 0), out);
    expect(out).toEqual(Float32Array.of(1, 0));
    prepare({ metric: 'cosine', mean, dimensions: 2 }, Float32Array.of(0, 0), out);
    expect(out).toEqual(Float32Array.of(0, 0));
    const centroid = centroidOf(Float32Array.of(3.4e38, -1.7e38, 0));
    expect([...centroid.codes]).toEqual([127, -64, 0]);
    expect(centroidOf(centroidValues(centroid)).codes).toEqual(centroid.codes);
    expect(centroidOf(Float32Array.of(1e-45, 0)).codes).toEqual(Int8Array.of(0, 0));
  });

  it('[V160] are as far from a vector as from their values, to the bit', () => {
    const vector = () => Float32Array.from({ length: 10 }, () => 2 * random.next() - 1);
    for (let trial = 0; trial < 100; trial += 1) {
      const [values, centroid] = [vector(), centroidOf(vector())];
      const both = Float32Array.from([...vector(), ...values]);
      expect(distanceToCentroid(both, 10, centroid)).toBe(squaredDistance(values, centroidValues(centroid)));
    }
  });
});

describe('row bitmaps', () => {
  it('[V87] hold rows of any page, and use memory only for pages with rows', () => {
    const bitmap = new RowBitmap(memory);
    const rows = [0, 1, 31, 32, 524_287, 524_288, 5_000_000, 2 ** 32 - 1];
    bitmap.fill(RowSet.of(rows));
    expect(bitmap.bytes).toBe(4 * PAGE_BYTES);
    expect(rows.filter((row) => bitmap.has(row))).toEqual(rows);
    expect([2, 33, 524_289, 600_000, 4_999_999].filter((row) => bitmap.has(row))).toEqual([]);
    bitmap.delete(31);
    bitmap.delete(700_000_000);
    expect(rows.filter((row) => bitmap.has(row))).toEqual(rows.filter((row) => row !== 31));
    expect(() => bitmap.add(2 ** 32)).toThrow(/below/);
    bitmap.free();
    expect(bitmap.bytes).toBe(0);
    expect(bitmap.has(1)).toBe(false);
  });
});

describe('cells', () => {
  it('[V82] do not overlap, are reused, and release their pages', () => {
    for (const bytes of [8, 832, 4100, 40_000, 100_000]) {
      const pool = new CellPool(memory, bytes, 4);
      const cells = Array.from({ length: 100 }, () => pool.take());
      const sorted = cells.toSorted((a, b) => a - b);
      for (const [i, cell] of sorted.slice(1).entries()) expect(cell - sorted[i]!).toBeGreaterThanOrEqual(bytes);
      const taken = pool.bytes;
      for (const cell of cells.slice(50)) pool.give(cell);
      const again = Array.from({ length: 50 }, () => pool.take());
      expect(new Set([...cells.slice(0, 50), ...again]).size).toBe(100);
      expect(pool.bytes).toBe(taken);
      for (const cell of [...cells.slice(0, 50), ...again]) pool.give(cell);
      expect(pool.bytes).toBe(0);
    }
  });
});

describe('the directory', () => {
  it('[V82] knows how far each list reaches, and the mean of all, whatever was put, moved and removed', () => {
    const model = { metric: 'cosine', dimensions: 10 } as const;
    const directory = new ListDirectory(memory, model);
    const centroids = Array.from({ length: 900 }, () => centroidOf(Float32Array.from({ length: 10 }, () => random.next() / 3)));
    for (const [list, centroid] of centroids.entries()) directory.put(list, centroid);
    for (let list = 0; list < 900; list += 2) directory.remove(list);
    // Back in another place, and moved by half.
    directory.put(4, centroids[4]!);
    directory.put(7, { ...centroids[7]!, scale: centroids[7]!.scale / 2 });
    const expected = directory.lists().map((list) => {
      const { codes, scale } = centroids[list]!;
      const squared = codes.reduce((sum, code) => sum + code * code, 0) * (list === 7 ? scale / 2 : scale) ** 2;
      return Math.sqrt(1 - squared);
    });
    const start = directory.columns.reaches / 8;
    for (const [place, reach] of expected.entries()) expect(memory.views.float64[start + place]).toBeCloseTo(reach, 5);
    expect(directory.usualReach).toBeCloseTo(expected.reduce((sum, reach) => sum + reach, 0) / expected.length, 5);
    expect(new Set(expected).size).toBeGreaterThan(400);
    directory.free();
    expect(directory.usualReach).toBe(0);
  });

  it('[V80] looks ahead at lists that are not probed, never past the end of the memory', () => {
    const sizes = {
      metric: 'cosine',
      dimensions: 8,
      subspaceDimensions: 2,
      hasLowPlane: false,
      seed: 11,
      magnitude: 1,
      spread: 1,
    } as const;
    const world = new ListWorld({ ...sizes, listCount: 6, vectorCount: 200 });
    const { frame } = world.kernels;
    const query = { values: world.near(0), count: 3, stop: -100, rescoreCount: 3, allowed: world.allowed };
    const { rows, cost } = world.lists.search(query, () => expect.unreachable());
    expect(frame.word('ordered')).toBeGreaterThan(cost.listsProbed);
    // The last one in the order is said to have more blocks than the memory has room for.
    const { uint32 } = world.memory.views;
    const last = Math.floor(uint32[frame.word('order') / 4 + frame.word('ordered') - 1]! / 512);
    expect(uint32[frame.word('listUsed') / 4 + last]).not.toBe(frame.word('tick'));
    const count = frame.word('listCounts') / 4 + last;
    const entries = uint32[count]!;
    uint32[count] = 2 ** 22;
    expect(world.lists.search(query, () => expect.unreachable()).rows).toEqual(rows);
    uint32[count] = entries;
    world.free();
  });

  it('[V82] keeps lists separate, however many are added and removed', () => {
    const world = new ListWorld({
      metric: 'dot',
      dimensions: 4,
      subspaceDimensions: 2,
      hasLowPlane: false,
      seed: 7,
      listCount: 3000,
      vectorCount: 4000,
      magnitude: 1,
      spread: 0.5,
    });
    for (let list = 0; list < 3000; list += 3) world.lists.removeList(list);
    const query = { values: world.near(4), count: 10_000, stop: 127, rescoreCount: 10_000, allowed: world.allowed };
    const { rows } = world.lists.search(query, () => expect.unreachable());
    const expected = world.entries.flatMap((entries, list) => (list % 3 === 0 ? [] : entries)).map(({ row }) => row);
    expect([...rows].toSorted((a, b) => a - b)).toEqual(expected.filter((row) => world.allowed.has(row)).toSorted((a, b) => a - b));
    expect(rows.length).toBeGreaterThan(1000);
    world.free();
  });
});
