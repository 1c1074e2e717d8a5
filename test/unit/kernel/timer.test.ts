import { expect, it } from 'vitest';

import { inTime } from '../../../src/kernel/timer.ts';

/** A timer that runs when the test says. */
function stoppedTimer() {
  const armed = new Set<() => void>();
  const after = (_: number, run: () => void) => {
    armed.add(run);
    return () => void armed.delete(run);
  };
  return { armed, after };
}

it('waits for work until its time is up, and leaves no timer behind', async () => {
  const timer = stoppedTimer();
  expect(await inTime(Promise.resolve(7), 10, timer)).toBe(7);
  expect(timer.armed.size).toBe(0);
  await expect(inTime(Promise.reject(new Error('failed')), 10, timer)).rejects.toThrow('failed');
  expect(timer.armed.size).toBe(0);
  const late = inTime(new Promise(() => undefined), 10, timer);
  for (const run of timer.armed) run();
  expect(await late).toBeUndefined();
  expect(timer.armed.size).toBe(0);
});
