import { expect, it } from 'vitest';

import { Seeded } from '../../../src/kernel/seeded.ts';
import { LARGE_SCALE } from '../../bench/scheduler/kueue-suite.ts';
import { suiteSettings } from '../../bench/served/suite-cell.ts';
import { runSuite } from '../../bench/served/suite-run.ts';
import { unpaid } from '../../bench/served/suite-world.ts';
import { seeds } from '../../support/fixtures/effort.ts';
import { LadenScheduler } from '../../support/worlds/laden-scheduler.ts';

const isFull = process.env['SLUICE_TEST_FULL'] === '1';
const MESSAGES = { lost: 0.03, doubled: 0.05, delayMsMax: 800 };

/** Small in `npm test`; 10,000 nodes in twenty partitions otherwise. */
const SIZE = isFull ? { queues: 40, agentsPerPool: 10_000, share: 0.2 } : { queues: 4, agentsPerPool: 8, share: 0.2 };
const SUITE = {
  ...LARGE_SCALE,
  cohorts: 1,
  queues: SIZE.queues,
  sets: LARGE_SCALE.sets.map((set) => ({ ...set, count: Math.ceil(set.count * SIZE.share), runtimeMs: set.runtimeMs * 100 })),
};

it.each(seeds(2))(
  '[P120] [P121] objects on slow threads, whose callers lose, double and delay messages, lose no attempt: seed %i',
  async (seed) => {
    const random = new Seeded(seed);
    const world = new LadenScheduler({
      settings: unpaid(suiteSettings(SUITE)),
      isOneThread: seed % 2 === 0,
      weather: { random, ...MESSAGES },
    });
    world.slowness = isFull ? 4 : 20 + 80 * random.next();
    const result = await world.run(() =>
      runSuite({ ...world.served, suite: SUITE, agentsPerPool: SIZE.agentsPerPool, limitMs: 3_600_000 }),
    );
    expect(result).toMatchObject({ done: result.workloads, dropped: 0 });
    // Messages were repeated.
    expect(world.counts.get('heartbeat')).toBeGreaterThan(result.workloads);
  },
);
