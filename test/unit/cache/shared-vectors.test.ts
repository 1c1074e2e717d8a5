import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { describe, expect, it, vi } from 'vitest';

import { SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import type { ThreadTask } from '../../support/worlds/shared-vectors-thread.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

const BOUNDS = { entriesMax: 64, dimensionsMax: 8, keyCharsMax: 16, stripes: 4 };
const KEYS = Array.from({ length: 16 }, (_, i) => `key ${i}`);
const vectorOf = (value: number, dimensions = 8) => new Float32Array(dimensions).fill(value);

const start = (cache: SharedVectors, task: ThreadTask) => {
  const handle = cache.invite();
  const worker = new Worker(new URL('../../support/worlds/shared-vectors-thread.ts', import.meta.url), { workerData: { handle, task } });
  return { worker, owner: handle.owner };
};

/** How often a thread waited for a lock while it worked. */
function napsOf<T>(work: () => T): { naps: number; answer: T } {
  const wait = vi.spyOn(Atomics, 'wait');
  const answer = work();
  const naps = wait.mock.calls.length;
  wait.mockRestore();
  return { naps, answer };
}

describe('SharedVectors', () => {
  it('[C51] evicts the least recently used entry of a stripe, and serves entries until their end', () => {
    const cache = SharedVectors.create({ ...BOUNDS, entriesMax: 3, stripes: 1 });
    for (const key of ['a', 'b', 'c']) cache.set(key, vectorOf(1), undefined);
    cache.get('a', 0);
    cache.set('d', vectorOf(4, 3), 5_000);
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key, 0).vector !== undefined)).toEqual(['a', 'c', 'd']);
    expect(cache.get('d', 4_999).vector).toEqual(vectorOf(4, 3));
    expect(cache.get('d', 5_000).vector).toBeUndefined();
    expect(cache.counts()).toEqual({ entries: 2, hits: 5, misses: 2, evicted: 1 });
  });

  it('[C51] behaves like a plain list for each stripe', () => {
    const cache = SharedVectors.create({ ...BOUNDS, entriesMax: 5, stripes: 1 });
    const plain = new Map<string, { value: number; endMs: number }>();
    const random = new Seeded(3);
    let [hits, evicted] = [0, 0];
    for (let i = 0; i < 20_000; i++) {
      const key = KEYS[Math.floor(random.next() * 10)]!;
      const chance = random.next();
      const known = plain.get(key);
      if (chance < 0.5) {
        const expected = known !== undefined && i < known.endMs ? known : undefined;
        expect(cache.get(key, i).vector).toEqual(expected === undefined ? undefined : vectorOf(expected.value));
        plain.delete(key);
        if (expected !== undefined) plain.set(key, expected);
        hits += Number(expected !== undefined);
      } else if (chance < 0.95) {
        const endMs = random.next() < 0.5 ? Infinity : i + 20;
        plain.delete(key);
        if (plain.size === 5) {
          plain.delete(plain.keys().next().value!);
          evicted += 1;
        }
        plain.set(key, { value: i, endMs });
        expect(cache.set(key, vectorOf(i), endMs)).toBe(true);
      } else {
        cache.forget(key);
        plain.delete(key);
      }
      expect(cache.counts().entries).toBe(plain.size);
    }
    expect(cache.counts().evicted).toBe(evicted);
    expect(Math.min(hits, evicted)).toBeGreaterThan(1_000);
  });

  it('[C50] keeps no fill that began before a key of its stripe was forgotten', () => {
    const cache = SharedVectors.create(BOUNDS);
    for (const forget of [() => cache.forget('a'), () => cache.forgetAll()]) {
      const { fence } = cache.get('a', 0);
      expect(cache.set('a', vectorOf(1), undefined, fence)).toBe(true);
      expect(cache.get('a', 0).vector).toEqual(vectorOf(1));
      forget();
      expect(cache.get('a', 0).vector).toBeUndefined();
      expect(cache.set('a', vectorOf(2), undefined, fence)).toBe(false);
      expect(cache.get('a', 0).vector).toBeUndefined();
    }
  });

  it('[C51] refuses a value that it has no room for', () => {
    const cache = SharedVectors.create(BOUNDS);
    expect(() => cache.set('a', vectorOf(1, 9), undefined)).toThrow('at most 8 numbers');
    expect(() => cache.set('k'.repeat(17), vectorOf(1), undefined)).toThrow('at most 16 characters');
    expect(() => cache.set('ключ', vectorOf(1), undefined)).toThrow('Latin-1');
  });

  it('[C49] bypasses a stripe whose thread died inside, and frees it when the thread is buried', async () => {
    const cache = SharedVectors.create(BOUNDS);
    for (const key of KEYS) cache.set(key, vectorOf(1), undefined);
    const { worker, owner } = start(cache, { kind: 'die', key: KEYS[0]! });
    await once(worker, 'exit');
    const first = napsOf(() => cache.get(KEYS[0]!, 0).vector);
    expect(first.answer).toBeUndefined();
    expect(first.naps).toBeGreaterThan(0);
    const after = napsOf(() => KEYS.map((key) => cache.get(key, 0).vector !== undefined));
    expect(after.naps, 'it is waited for once').toBe(0);
    const served = after.answer.filter(Boolean).length;
    expect(served).toBeGreaterThan(0);
    expect(served).toBeLessThan(KEYS.length);
    expect(cache.set(KEYS[0]!, vectorOf(2), undefined)).toBe(false);

    expect(cache.bury(owner)).toBe(true);
    expect(KEYS.filter((key) => cache.get(key, 0).vector !== undefined).length).toBe(served);
    expect(KEYS.map((key) => cache.set(key, vectorOf(3), undefined))).not.toContain(false);
    expect(KEYS.map((key) => cache.get(key, 0).vector)).toEqual(KEYS.map(() => vectorOf(3)));
    expect(cache.bury(owner)).toBe(false);
  });

  it('[C50] [C49] forgets a key that a stopped thread is writing, and lets the thread continue', async () => {
    const cache = SharedVectors.create(BOUNDS);
    cache.set('a', vectorOf(1), undefined);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const { worker } = start(cache, { kind: 'stall', key: 'a', gate });
    expect(await once(worker, 'message')).toEqual(['inside']);
    cache.forget('a');
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    expect(await once(worker, 'message')).toEqual([true]);
    expect(cache.get('a', 0).vector).toBeUndefined();
    expect(cache.set('a', vectorOf(5), undefined)).toBe(true);
    expect(cache.get('a', 0).vector).toEqual(vectorOf(5));
  });

  it('[C49] keeps working, at whatever point threads are terminated', async () => {
    const cache = SharedVectors.create({ ...BOUNDS, entriesMax: 12, stripes: 1, dimensionsMax: 64 });
    for (let seed = 1; seed <= 12; seed++) {
      const { worker, owner } = start(cache, { kind: 'churn', keys: KEYS, seed, dimensions: 64 });
      await once(worker, 'message');
      // After a number of reads that differs by seed, so that the thread is ended at different points.
      const reads = () => cache.counts().hits + cache.counts().misses;
      const enough = reads() + 37 * seed;
      await expect.poll(reads, { timeout: 60_000, interval: 0 }).toBeGreaterThanOrEqual(enough);
      await worker.terminate();
      cache.bury(owner);
      expect(cache.counts().entries).toBeLessThanOrEqual(12);
      for (const key of KEYS) {
        const { vector } = cache.get(key, 0);
        expect(vector?.every((x) => x === vector[0]) ?? true).toBe(true);
        expect(cache.set(key, vectorOf(seed, 64), undefined)).toBe(true);
        expect(cache.get(key, 0).vector).toEqual(vectorOf(seed, 64));
      }
      expect(cache.counts().entries).toBe(12);
    }
  });
});
