import { expect, it } from 'vitest';

import { SteppedWork } from '../../../src/kernel/stepped-work.ts';

function world(bounds: { stepUnitsMax: number; unitsMax: number }) {
  const steps: number[] = [];
  const work = new SteppedWork(bounds, async (units) => void steps.push(units));
  return { work, steps };
}

/** Of so many parts of three units. */
function* parts(work: SteppedWork, count: number): Generator<undefined, string> {
  for (let part = 0; part < count; part += 1) if (work.spend(3)) yield;
  return 'done';
}

it('[SW10] gives others their turn whenever a step has come to its most', async () => {
  const { work, steps } = world({ stepUnitsMax: 10, unitsMax: Infinity });
  expect(await work.run(parts(work, 10))).toBe('done');
  expect([steps, work.units]).toEqual([[12, 12], 30]);
});

it('[SW10] ends beyond what all steps may come to, and does not go on', async () => {
  const { work, steps } = world({ stepUnitsMax: 10, unitsMax: 20 });
  expect(await work.run(parts(work, 10))).toBeUndefined();
  expect([steps, work.isExhausted, await work.turn()]).toEqual([[12], true, false]);
});

it('[SW10] counts to a step what something else bounds, and ends when it is stopped', async () => {
  const { work } = world({ stepUnitsMax: 10, unitsMax: 20 });
  expect([work.pass(9), work.pass(1), work.isExhausted, work.units]).toEqual([false, true, false, 0]);
  work.stop();
  expect([work.spend(0), await work.turn()]).toEqual([true, false]);
});
