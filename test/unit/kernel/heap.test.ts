import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BoundedHeap, Heap } from '../../../src/kernel/heap.ts';
import { effort } from '../../support/fixtures/effort.ts';

describe('BoundedHeap', () => {
  it('keeps the smallest items, whatever the order of arrival', () => {
    let displaced = 0;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (items, capacity) => {
        const heap = new BoundedHeap<number>(capacity, (a, b) => a - b);
        for (const item of items) heap.push(item);
        const expected = items.toSorted((a, b) => a - b).slice(0, capacity);
        expect(heap.toSorted()).toEqual(expected);
        expect(heap.last).toBe(expected.at(-1));
        expect(heap.isFull).toBe(items.length >= capacity);
        if (items.length > capacity) displaced += 1;
      }),
      { seed: 7, numRuns: effort(300) },
    );
    expect(displaced).toBeGreaterThan(50);
  });

  it('keeps the earlier of equal items', () => {
    const heap = new BoundedHeap<{ rank: number; name: string }>(1, (a, b) => a.rank - b.rank);
    heap.push({ rank: 1, name: 'first' });
    heap.push({ rank: 1, name: 'second' });
    expect(heap.toSorted()).toEqual([{ rank: 1, name: 'first' }]);
  });

  it('refuses a capacity of zero', () => {
    expect(() => new BoundedHeap<number>(0, (a, b) => a - b)).toThrow('at least one');
  });
});

describe('Heap', () => {
  it('gives its items in order, whatever the order of arrival and of taking', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: -9, max: 9 })), { maxLength: 60 }), (steps) => {
        const heap = new Heap<number>((a, b) => a - b);
        let held: number[] = [];
        for (const step of steps) {
          if (step === null) {
            const [first, ...rest] = held;
            expect(heap.pop()).toBe(first);
            held = rest;
          } else {
            heap.push(step);
            held = [...held, step].toSorted((a, b) => a - b);
          }
          expect([heap.first, heap.size]).toEqual([held[0], held.length]);
        }
      }),
      { seed: 11, numRuns: effort(300) },
    );
  });
});
