import { describe, expect, it } from 'vitest';

import { statusOf } from '../../../../src/contract/api/errors.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { ReplicaWakes } from '../../../../src/gateway/pools/replica-wakes.ts';
import { Ending } from '../../../support/fakes/ending.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { SleepingJobWorld } from '../../../support/worlds/sleeping-job-world.ts';

const WAYS = ['job', 'model', 'upstream'] as const;
const LATER = { ok: false, error: { code: 'no_healthy_replica', retryAfterMs: 5_000 } };

describe.each(WAYS)('[J360] a call by way of its %s, to a job that has given all its replicas back', (way) => {
  it('has it get one, and is answered by it', async () => {
    const world = new SleepingJobWorld();
    const answered = await world.settled(world.ways[way](new Ending()), (second) => second === 2 && world.start());
    expect(answered).toMatchObject({ ok: true });
    expect([world.called.length, world.wakes]).toEqual([1, 3]);
    expect(await world.settled(world.ways[way](new Ending()))).toMatchObject({ ok: true });
    expect(world.wakes, 'one that has a replica is woken by no call').toBe(3);
  });

  it('is refused with when to repeat it where none is there in time', async () => {
    const world = new SleepingJobWorld();
    const fromMs = world.nowMs;
    const refused = await world.settled(world.ways[way](new Ending()));
    expect(refused).toMatchObject(LATER);
    expect(refused.ok ? 200 : statusOf(refused.error)).toBe(503);
    expect([world.nowMs - fromMs, world.called]).toEqual([JOB_LIMITS.replicaWakeMs, []]);
  });

  it('stops when its caller goes, and wakes nothing for one that has gone', async () => {
    const world = new SleepingJobWorld();
    const caller = new Ending();
    const left = await world.settled(world.ways[way](caller), (second) => {
      if (second === 2) caller.revoke();
      if (second === 1) expect(world.wakes).toBe(2);
    });
    expect(left).toMatchObject({ ok: false });
    expect([world.wakes, world.called]).toEqual([3, []]);
    world.start();
    world.nowMs += 60_000;
    world.replicas = [];
    await world.settled(world.ways[way](caller));
    expect([world.wakes, world.called]).toEqual([3, []]);
  });

  it('is one of so many that wait, of all ways together, and they wake the job once a second', async () => {
    const world = new SleepingJobWorld();
    const half = Array.from({ length: JOB_LIMITS.replicaWaitersMaxCount / 2 });
    const others = WAYS.filter((one) => one !== way).flatMap((one) => half.map(() => world.ways[one](new Ending())));
    let beyond: Promise<unknown> = Promise.resolve();
    const answered = await world.settled(Promise.all(others), (second) => {
      if (second === 1) beyond = world.ways[way](new Ending());
      if (second === 4) world.start();
    });
    expect(await beyond).toMatchObject(LATER);
    expect(answered.filter((one) => one.ok)).toHaveLength(JOB_LIMITS.replicaWaitersMaxCount);
    expect(world.wakes).toBe(5);
    expect(await world.settled(world.ways[way](new Ending())), 'there is room again').toMatchObject({ ok: true });
  });
});

describe('[J360] a chat by replicas that are all given back', () => {
  it('is answered by another target that its model has, and has the job get one for later calls', async () => {
    const world = new SleepingJobWorld();
    world.fallback = targetOf({ upstreamId: 'up_2', upstream: 'rented', baseUrl: 'https://rented.example/v1' });
    const fromMs = world.nowMs;
    expect(await world.settled(world.chat(new Ending()))).toMatchObject({ ok: true });
    expect([world.called, world.wakes, world.nowMs - fromMs]).toEqual([['https://rented.example/v1'], 1, 0]);
  });

  it('waits no longer than its deadline', async () => {
    const world = new SleepingJobWorld();
    const fromMs = world.nowMs;
    expect(await world.settled(world.chat(new Ending(), { 'x-sluice-deadline-ms': '4000' }))).toMatchObject(LATER);
    expect(world.nowMs - fromMs).toBe(4_000);
  });
});

it('[J360] of several jobs one that can be woken is enough; if none can, the refusal says why', async () => {
  const [tenant, over, open] = ['tn_1' as TenantId, 'job_over' as JobId, 'job_open' as JobId];
  let nowMs = 0;
  const wakes = new ReplicaWakes({
    wake: async (_, job) => {
      if (job === over) return refuse('state_conflict', 'the job is cancelled');
      return job === open ? ok(null) : Promise.reject(new Error('the scheduler does not answer'));
    },
    clock: { nowMs: () => nowMs },
    sleep: async (ms) => void (nowMs += ms),
  });
  const first = (...jobs: JobId[]) => wakes.first(tenant, jobs, { look: async () => ok('there'), isOver: () => false });
  expect(await first(over, open)).toEqual(ok('there'));
  nowMs += JOB_LIMITS.replicaViewMs;
  expect(await first(over)).toMatchObject({ error: { code: 'state_conflict' } });
  expect(await first('job_lost' as JobId)).toMatchObject({ error: { code: 'unavailable' } });
});
