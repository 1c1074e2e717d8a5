import { expect, it } from 'vitest';

import { Pace, workPaced } from '../../../../src/ann/maintenance/background-work.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';

/** A thread whose clock moves only between slices, as the platform's does; `waits` records the pauses. */
function thread() {
  const pace = new Pace();
  const waits: number[] = [];
  let [nowMs, sinceMs] = [1_000_000, 0];
  const spend = (ms: number): void => void (sinceMs += ms);
  const wait = async (delayMs: number): Promise<void> => {
    waits.push(delayMs);
    nowMs += sinceMs + delayMs;
    sinceMs = 0;
  };
  const work = (step: (at: number) => number | undefined, slicesMax = 100) =>
    workPaced({ step: async (at) => step(at), slicesMax, pace, clock: { nowMs: () => nowMs }, wait });
  return { pace, waits, spend, work, now: () => nowMs };
}

it('[RT14] works without pauses while there are no searches, and yields between slices', async () => {
  const { waits, spend, work } = thread();
  let left = 5;
  expect(
    await work((nowMs) => {
      spend(4);
      return (left -= 1) > 0 ? nowMs : undefined;
    }),
  ).toBe(undefined);
  expect(waits).toEqual([0, 0, 0, 0]);
});

it('[RT14] yields for twice the length of a slice while there are searches, within bounds', async () => {
  const { pace, waits, spend, work, now } = thread();
  const slicesMs = [1, 8, 100, 8];
  let done = 0;
  pace.searched(now());
  await work((nowMs) => {
    if (done === slicesMs.length) return undefined;
    // The last search comes before the last slice but one.
    if (done < 2) pace.searched(nowMs);
    spend(done === 3 ? INDEX_LIMITS.paceQuietMs : slicesMs[done]!);
    done += 1;
    return nowMs;
  });
  expect(waits).toEqual([0, INDEX_LIMITS.pauseMinMs, 0, 16, 0, INDEX_LIMITS.pauseMaxMs, 0]);
});

it('[RT14] returns when to continue, and returns early after the most slices', async () => {
  const { work, now } = thread();
  expect(await work((nowMs) => nowMs + 70)).toBe(now() + 70);
  let slices = 0;
  expect(
    await work((nowMs) => {
      slices += 1;
      return nowMs;
    }, 7),
  ).toBe(now());
  expect(slices).toBe(7);
});
