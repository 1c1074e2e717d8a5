import { expect, it } from 'vitest';

import { runSuite } from '../../../bench/served/suite-run.ts';
import { suiteSettings } from '../../../bench/served/suite-cell.ts';
import { unpaid } from '../../../bench/served/suite-world.ts';
import { LARGE_SCALE } from '../../../bench/scheduler/kueue-suite.ts';
import { LadenScheduler } from '../../../support/worlds/laden-scheduler.ts';

/** A thousandth of the large suite, whose jobs come within a second. */
const SUITE = {
  ...LARGE_SCALE,
  cohorts: 2,
  queues: 10,
  sets: LARGE_SCALE.sets.map((set) => ({ ...set, count: Math.ceil(set.count / 3) })),
};

it('[P120] a burst of jobs on a machine far too slow for them loses no attempt', { timeout: 120_000 }, async () => {
  const world = new LadenScheduler({ settings: unpaid(suiteSettings(SUITE)), isOneThread: true });
  world.slowness = Number(process.env['SLOW'] ?? 200);
  const { time, scheduler, pool } = world;
  const result = await world.run(() =>
    runSuite({
      suite: SUITE,
      agentsPerPool: 10,
      limitMs: 2_000_000,
      scheduler,
      pool,
      nowMs: () => time.nowMs(),
      sleep: (ms) => time.sleep(ms),
    }),
  );
  console.log(result, world.takeWaitedMsMax(), world.counts, world.threadOf('').busyMs);
  expect(result).toMatchObject({ done: result.workloads, dropped: 0 });
});
