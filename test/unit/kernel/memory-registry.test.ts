import { describe, expect, it } from 'vitest';

import { MemoryRegistry } from '../../../src/kernel/memory-registry.ts';

const holder = (piece = Infinity) => {
  const state = {
    evictions: 0,
    /** Frees whole pieces only. */
    evict: (bytes: number) => {
      state.evictions += 1;
      return piece === Infinity ? Infinity : Math.ceil(bytes / piece) * piece;
    },
  };
  return state;
};

describe('MemoryRegistry', () => {
  it('[V14] evicts the least recently used holders until a claim fits, and no more', () => {
    const registry = new MemoryRegistry(100);
    const [a, b, c, d] = [holder(), holder(), holder(), holder()];
    registry.claim('a', a, 40);
    registry.claim('b', b, 40);
    registry.claim('a', a, 40);
    registry.claim('c', c, 30);
    expect([a.evictions, b.evictions, c.evictions]).toEqual([0, 1, 0]);
    expect(registry.bytes).toBe(70);
    registry.claim('d', d, 90);
    expect([a.evictions, c.evictions, d.evictions]).toEqual([1, 1, 0]);
    expect(registry.bytes).toBe(90);
  });

  it('[V14] lets a holder grow at the cost of others, never of itself', () => {
    const registry = new MemoryRegistry(100);
    const [a, b] = [holder(), holder()];
    registry.claim('a', a, 50);
    registry.claim('b', b, 50);
    registry.claim('a', a, 100);
    expect([a.evictions, b.evictions]).toEqual([0, 1]);
    expect(registry.bytes).toBe(100);
    expect(() => registry.claim('a', a, 101)).toThrow('whole budget');
  });

  it('[V14] evicts no more pieces of a holder than it needs', () => {
    const registry = new MemoryRegistry(100);
    const [lists, b] = [holder(8), holder()];
    registry.claim('lists', lists, 80);
    registry.claim('b', b, 30);
    expect(registry.bytes).toBe(94);
    registry.claim('c', holder(), 6);
    expect([lists.evictions, b.evictions, registry.bytes]).toEqual([1, 0, 100]);
    registry.claim('b', b, 95);
    expect([lists.evictions, registry.bytes]).toEqual([2, 95]);
  });

  it('[V126] evicts everything of a holder that is replaced', () => {
    const registry = new MemoryRegistry(100);
    const asked: number[] = [];
    registry.claim('lists', { evict: (bytes) => asked.push(bytes) }, 7);
    registry.claim('lists', holder(), 5);
    expect([asked, registry.bytes]).toEqual([[Infinity], 5]);
  });

  it('[V14] evicts the old holder of a name when a new one claims it; its late release has no effect', () => {
    const registry = new MemoryRegistry(100);
    const [old, young] = [holder(), holder()];
    registry.claim('shard', old, 60);
    registry.claim('shard', young, 50);
    expect(old.evictions).toBe(1);
    registry.release('shard', old);
    expect(registry.bytes).toBe(50);
    registry.release('shard', young);
    expect(registry.bytes).toBe(0);
  });

  it('[V14] spare claims are evicted before all others, for any claim', () => {
    const registry = new MemoryRegistry(100);
    const [engine, spare] = [holder(), holder(10)];
    registry.claim('engine', engine, 40);
    expect(registry.claimSpare('spare', spare, 50)).toBe(true);
    registry.claim('engine', engine, 60);
    expect([engine.evictions, spare.evictions, registry.bytes]).toEqual([0, 1, 100]);
    registry.claim('other', holder(), 50);
    expect([engine.evictions, spare.evictions, registry.bytes]).toEqual([1, 2, 50]);
  });

  it('[V14] a spare claim evicts other spare claims alone, and none if it does not fit', () => {
    const registry = new MemoryRegistry(100);
    const [engine, a, b] = [holder(), holder(10), holder(10)];
    registry.claimSpare('a', a, 60);
    registry.claim('engine', engine, 40);
    expect(registry.claimSpare('b', b, 61)).toBe(false);
    expect([a.evictions, registry.bytes]).toEqual([0, 100]);
    expect(registry.claimSpare('b', b, 20)).toBe(true);
    expect([engine.evictions, a.evictions, registry.bytes]).toEqual([0, 1, 100]);
    registry.release('a', a);
    registry.release('b', b);
    expect(registry.bytes).toBe(40);
  });

  it('[V14] what engines once claimed is spared no more: WebAssembly memory never shrinks', () => {
    const registry = new MemoryRegistry(100);
    const engine = holder();
    registry.claim('engine', engine, 70);
    registry.release('engine', engine);
    expect(registry.claimSpare('spare', holder(), 31)).toBe(false);
    expect(registry.claimSpare('spare', holder(), 30)).toBe(true);
    registry.claim('engine', engine, 70);
    expect(registry.bytes).toBe(100);
  });
});
