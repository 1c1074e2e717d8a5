import { expect, it } from 'vitest';

import { UPSTREAM_LIMITS } from '../../../src/contract/upstreams/upstream-limits.ts';
import type { Waiter } from '../../../src/upstreams/serving/waiting-line.ts';
import { WaitingLine } from '../../../src/upstreams/serving/waiting-line.ts';

const NOW_MS = 1_000_000;

/** A line before one place, and who is served when it becomes free again and again. */
class OnePlace {
  readonly #line = new WaitingLine();
  readonly #waiting = new Map<Waiter, string>();

  come(owner: string, count: number, priority = 0, deadlineMs = Infinity): void {
    for (let n = 0; n < count; n += 1) {
      const waiter = this.#line.join(owner, priority, deadlineMs, NOW_MS);
      if (waiter === undefined) continue;
      waiter.accepts = new Set(['u']);
      this.#waiting.set(waiter, owner);
    }
  }

  served(count: number): string {
    let order = '';
    for (let n = 0; n < count; n += 1) {
      const next = [...this.#waiting.keys()].filter((waiter) => this.#line.isTurnOf(waiter, 'u', 1, NOW_MS));
      expect(next).toHaveLength(1);
      for (const waiter of next) {
        order += this.#waiting.get(waiter);
        this.#waiting.delete(waiter);
        this.#line.leave(waiter);
      }
    }
    return order;
  }
}

it('[U58] serves owners in turn, those that come late as the others, however long these have waited', () => {
  const place = new OnePlace();
  place.come('a', 12);
  expect(place.served(4)).toBe('aaaa');
  place.come('b', 6);
  expect(place.served(4)).toBe('abab');
  place.come('c', 2);
  expect(place.served(6)).toBe('abcabc');
  place.come('d', 1, 5);
  expect(place.served(7)).toBe('dababaa');
});

it('[U58] gives the turns of an owner to its soonest deadlines', () => {
  const place = new OnePlace();
  place.come('a', 3, 0, NOW_MS + 9_000);
  place.come('b', 1, 0, NOW_MS + 1);
  place.come('a', 1, 0, NOW_MS + 5);
  expect(place.served(5)).toBe('abaaa');
});

it('[U58] puts the last of the owner with most out of a full line, for one of an owner with fewer', () => {
  const line = new WaitingLine();
  const max = UPSTREAM_LIMITS.upstreamWaitersMaxCount;
  const many = Array.from({ length: max }, () => line.join('a', 0, Infinity, NOW_MS));
  expect(line.join('a', 0, Infinity, NOW_MS)).toBeUndefined();
  expect(line.join('b', 0, Infinity, NOW_MS)).toBeDefined();
  expect(many.map((waiter) => waiter?.isPutOut)).toEqual([...Array<boolean>(max - 1).fill(false), true]);
  for (let n = 0; n < max; n += 1) line.join('b', 0, Infinity, NOW_MS);
  expect(many.filter((waiter) => waiter?.isPutOut).length).toBe(max / 2);
  expect(line.length).toBe(max);
  // Those that have not looked for long were lost with their requests.
  const later = NOW_MS + UPSTREAM_LIMITS.upstreamWaiterLostMs;
  expect(line.join('c', 0, Infinity, later)).toBeDefined();
  expect(line.length).toBe(1);
});
