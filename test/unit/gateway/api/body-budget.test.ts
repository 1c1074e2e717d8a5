import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BodyBudget } from '../../../../src/gateway/api/body-budget.ts';

const LIMITS = { bytesMax: 100, ownerBytesMax: 50, smallBytesMax: 5, reserveBytesMax: 20, forgottenMs: 1_000 };
const SIZE_MAX = 90;

const budgetOf = () => new BodyBudget(LIMITS);

describe('the memory for bodies', () => {
  it('[G11] is divided: one owner gets at most a share, and all together at most the budget', () => {
    const budget = budgetOf();
    // The largest body throughout, which alone may exceed the budget: so none of the others may.
    expect(budget.open('z', 0).take(51, 0)).toBe(true);
    expect(budget.open('a', 0).take(30, 0)).toBe(true);
    expect(budget.open('a', 0).take(21, 0)).toBe(false);
    expect(budget.open('b', 0).take(19, 0)).toBe(true);
    expect(budget.open('b', 0).take(6, 0)).toBe(false);
    expect(budget.bytes).toBe(100);
  });

  it('[G11] lets the largest body finish, and the oldest of equal ones', () => {
    const budget = budgetOf();
    const [first, second] = [budget.open('a', 0), budget.open('b', 0)];
    expect([first.take(50, 0), second.take(50, 0)]).toEqual([true, true]);
    expect([second.take(10, 0), first.take(10, 0)]).toEqual([false, true]);
    first.release();
    expect(second.take(40, 0)).toBe(true);
  });

  it('[G11] has a reserve for small bodies that large ones cannot use', () => {
    const budget = budgetOf();
    expect(budget.open('a', 0).take(SIZE_MAX, 0)).toBe(true);
    expect(budget.open('b', 0).take(30, 0)).toBe(false);
    const small = Array.from({ length: 4 }, () => budget.open('a', 0));
    expect(small.map((hold) => hold.take(5, 0))).toEqual([true, true, true, true]);
    expect(budget.open('a', 0).take(1, 0)).toBe(false);
    expect(small[1]?.take(1, 0)).toBe(false);
    small[0]?.release();
    expect(budget.open('a', 0).take(1, 0)).toBe(true);
  });

  it('[G11] gives no exception to a stream, and no stream blocks the exception for others', () => {
    const budget = budgetOf();
    const stream = budget.open('a', 0, 'stream');
    expect(stream.take(51, 0)).toBe(false);
    expect(stream.take(50, 0)).toBe(true);
    expect(budget.open('b', 0).take(SIZE_MAX, 0)).toBe(true);
    expect(stream.take(0, 0)).toBe(true);
  });

  it('[G11] is released by a request that is cut off', () => {
    const budget = budgetOf();
    expect(budget.open('a', 0).take(SIZE_MAX, 0)).toBe(true);
    const other = budget.open('b', 0);
    expect(other.take(20, 1_000)).toBe(false);
    expect(other.take(20, 1_001)).toBe(true);
    expect(budget.bytes).toBe(20);
  });

  it('[G11] counts less when a body has shrunk, and nothing twice', () => {
    const budget = budgetOf();
    const hold = budget.open('a', 0);
    hold.take(40, 0);
    hold.shrinkTo(3);
    hold.shrinkTo(30);
    expect([hold.bytes, budget.bytes]).toEqual([3, 3]);
    hold.release();
    hold.release();
    expect([hold.bytes, budget.bytes]).toEqual([0, 0]);
  });

  it('[G11] exceeds its bounds by at most one body, never blocks all, and ends empty', () => {
    const bodies = fc.array(
      fc.record({
        owner: fc.constantFrom('a', 'b', 'c'),
        size: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: SIZE_MAX })),
        chunk: fc.oneof(fc.constant(4), fc.integer({ min: 1, max: 20 })),
      }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(bodies, fc.infiniteStream(fc.nat()), (specs, choices) => {
        const budget = budgetOf();
        const open = specs.map((spec) => ({ ...spec, hold: budget.open(spec.owner, 0) }));
        while (open.length > 0) {
          // At least one body can always continue, so the loop ends.
          const start = (choices.next().value ?? 0) % open.length;
          const order = [...open.slice(start), ...open.slice(0, start)];
          const going = order.find(({ hold, size, chunk }) => hold.take(Math.min(chunk, size - hold.bytes), 0));
          expect(going).toBeDefined();
          expect(budget.bytes).toBeLessThanOrEqual(LIMITS.bytesMax + LIMITS.reserveBytesMax + SIZE_MAX + LIMITS.smallBytesMax);
          expect(budget.bytes).toBe(open.reduce((bytes, { hold }) => bytes + hold.bytes, 0));
          if (going === undefined || going.hold.bytes < going.size) continue;
          going.hold.release();
          open.splice(open.indexOf(going), 1);
        }
        expect(budget.bytes).toBe(0);
      }),
    );
  });
});
