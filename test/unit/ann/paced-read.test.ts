import { expect, it } from 'vitest';

import { readPaced } from '../../../src/ann/shard/paced-read.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Steps } from '../../../src/kernel/stepped-work.ts';

/** A read of so many steps, which take some milliseconds each by a clock that it moves. */
function readOf(steps: number, stepMs: number, budgetMs?: number) {
  let [nowMs, done, turns] = [1_000, 0, 0];
  const read = function* read(): Steps<Outcome<number>> {
    for (; done < steps; done += 1) {
      nowMs += stepMs;
      yield undefined;
    }
    return ok(done);
  };
  const turn = (): Promise<void> => {
    turns += 1;
    return Promise.resolve();
  };
  const paced = readPaced(read(), { clock: { nowMs: () => nowMs }, turn, budgetMs });
  return { paced, done: () => [done, turns] };
}

it('[TX191] a read in steps has turns of others between all of them', async () => {
  const { paced, done } = readOf(50, 4);
  expect(await paced).toEqual(ok(50));
  expect(done()).toEqual([50, 50]);
});

it('[TX191] a read in steps ends soon after its caller has ceased to wait', async () => {
  const { paced, done } = readOf(1_000, 4, 100);
  expect(await paced).toMatchObject({ ok: false, error: { code: 'deadline_exceeded' } });
  expect(done()[0]).toBeLessThan(30);
});
