import { expect, it } from 'vitest';

import { OwnLag } from '../../../src/kernel/own-lag.ts';

const REMEMBERED_MS = 10_000;

/** An object whose timers are so late. */
function objectThatIs(lateMs: number) {
  const time = { nowMs: 1_000_000, lateMs };
  const pause = async (ms: number) => {
    time.nowMs += ms;
    // Others see what has passed before the timer fires.
    await Promise.resolve();
    time.nowMs += time.lateMs;
  };
  return { time, lag: new OwnLag({ nowMs: () => time.nowMs, pause }, REMEMBERED_MS) };
}

it('[P120] judges no silence before what had arrived has had its turn', async () => {
  const { time, lag } = objectThatIs(0);
  expect(lag.judgedMs()).toBe(-Infinity);
  const setAtMs = time.nowMs;
  await lag.measure();
  time.nowMs += 500;
  expect(lag.judgedMs()).toBe(setAtMs);
  expect([lag.behindMs(), lag.presentMs()]).toEqual([0, 0]);
});

it('[P120] judges silence up to as long ago as its own timers were late, until that is long past', async () => {
  const { time, lag } = objectThatIs(3_000);
  const setAtMs = time.nowMs;
  await lag.measure();
  expect([lag.behindMs(), lag.presentMs()]).toEqual([3_000, 3_000]);
  expect(lag.judgedMs()).toBe(setAtMs - 9_000);
  time.lateMs = 0;
  await lag.measure();
  expect([lag.behindMs(), lag.presentMs()]).toEqual([3_000, 0]);
  time.nowMs += REMEMBERED_MS;
  await lag.measure();
  expect(lag.behindMs()).toBe(3_000);
  time.nowMs += REMEMBERED_MS;
  await lag.measure();
  expect(lag.behindMs()).toBe(0);
});

it('[P120] counts an alarm that rang late, and a timer that has yet to fire', async () => {
  const { time, lag } = objectThatIs(0);
  lag.late(time.nowMs - 60_000);
  await lag.measure();
  expect(lag.behindMs()).toBe(60_000);
  const late = objectThatIs(0);
  const measured = late.lag.measure();
  late.time.nowMs += 2_000;
  expect([late.lag.behindMs(), late.lag.presentMs()]).toEqual([2_000, 2_000]);
  await measured;
});

it('[P120] counts what calls of others take, also while they are under way', async () => {
  const { time, lag } = objectThatIs(0);
  let answer = (_: number) => {};
  const call = lag.during(new Promise<number>((resolve) => (answer = resolve)));
  time.nowMs += 6_000;
  expect([lag.behindMs(), lag.presentMs()]).toEqual([2_000, 0]);
  answer(7);
  expect(await call).toBe(7);
  time.nowMs += 1_000;
  expect(lag.behindMs()).toBe(2_000);
  await expect(lag.during(Promise.reject(new Error('away')))).rejects.toThrow('away');
});

it('[P120] takes no note of the chance by which timers are late', async () => {
  const { lag } = objectThatIs(90);
  await lag.measure();
  expect(lag.behindMs()).toBe(0);
});

it('[J291] measures anew only what is not known lately, and once for all that ask', async () => {
  const { time, lag } = objectThatIs(0);
  await Promise.all([lag.keepKnown(), lag.keepKnown(), lag.measure()]);
  const measuredAtMs = time.nowMs;
  await lag.keepKnown();
  expect(time.nowMs).toBe(measuredAtMs);
  time.nowMs += 250;
  await lag.keepKnown();
  expect(time.nowMs).toBe(measuredAtMs + 251);
});
