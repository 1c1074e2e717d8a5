import { expect, it } from 'vitest';

import { seeds } from '../../support/fixtures/effort.ts';
import { pricedDay } from '../../support/worlds/priced-day.ts';

it('[PL16] on priced days work costs less than by cheapest hour or fastest type, and is in time', () => {
  const parts: number[] = [];
  let interruptions = 0;
  // On day 33 only two nodes are taken away from those who work on them.
  for (const seed of seeds(4, 33)) {
    const [work, cheapest, bestFit] = (['work', 'cheapest', 'best_fit'] as const).map((policy) => pricedDay(seed, policy));
    expect(work!.deadlinesMet, `seed ${seed}`).toBe(work!.jobs);
    expect(work!.deadlinesMet).toBeGreaterThanOrEqual(Math.max(cheapest!.deadlinesMet, bestFit!.deadlinesMet));
    expect(work!.interruptions, 'spot nodes were taken away').toBeGreaterThan(0);
    interruptions += work!.interruptions;
    expect(work!.saves).toBeGreaterThan(100);
    // When one type is both the cheapest and the best for nearly all, there is nothing to gain; nor much to lose.
    expect(work!.dollars, `seed ${seed}`).toBeLessThan(1.03 * Math.min(cheapest!.dollars, bestFit!.dollars));
    parts.push(work!.dollars / Math.min(cheapest!.dollars, bestFit!.dollars));
  }
  expect(interruptions / parts.length).toBeGreaterThan(10);
  expect(parts.reduce((sum, part) => sum + part, 0) / parts.length).toBeLessThan(0.9);
  expect(pricedDay(1, 'work')).toEqual(pricedDay(1, 'work'));
});
