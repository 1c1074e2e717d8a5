import { describe, expect, it } from 'vitest';

import type { Serving } from '../../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { ReplicaAnswer } from '../../../../src/gateway/pools/replica-router.ts';
import { ReplicaWakes } from '../../../../src/gateway/pools/replica-wakes.ts';
import { ReplicaRouter } from '../../../../src/gateway/pools/replica-router.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { newJob } from '../../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { Ending } from '../../../support/fakes/ending.ts';

const TENANT = 'tn_0000000001_00000001' as TenantId;
const JOB = 'job_x' as JobId;

/** A job with replicas on these addresses, and an isolate that calls them. */
class World {
  nowMs = 1_000_000;
  reads = 0;
  wakes = 0;
  slept: (ms: number) => void = () => undefined;
  readonly calls: string[] = [];
  readonly ill = new Set<string>();
  answer: () => Promise<ReplicaAnswer> = async () => ({ status: 200, body: { object: 'list' } });
  replicas: readonly Serving[];
  change: Partial<Job> = {};
  readonly router = new ReplicaRouter({
    find: async () => {
      this.reads += 1;
      return ok(this.#job());
    },
    call: async ({ url }) => {
      this.calls.push(url);
      return this.ill.has(url) ? undefined : this.answer();
    },
    clock: { nowMs: () => this.nowMs },
    wakes: new ReplicaWakes({
      wake: async () => {
        this.wakes += 1;
        return ok(null);
      },
      clock: { nowMs: () => this.nowMs },
      sleep: async (ms) => {
        this.nowMs += ms;
        this.slept(ms);
      },
    }),
  });

  constructor(urls: readonly string[]) {
    this.replicas = urls.map((url) => ({ url, key: 'k', isHealthy: true }));
  }

  #job(): Job {
    const members = this.replicas.map((serving, number) => ({ number, nodeId: `n${number}`, serving }));
    const job = newJob(jobRequest(1, { work: { kind: 'online_inference', model: 'm' } }), 1, 0);
    const group = { version: 0, members: [...members, { number: 9, nodeId: 'starting' }], leaving: [], next: 10 };
    return { ...job, attempt: { group } as unknown as Job['attempt'], ...this.change };
  }

  embed(model = 'm') {
    return this.router.embed(TENANT, JOB, model, '{}');
  }
}

describe('[J214] calls to the replicas of a job', () => {
  it('go to the one with the fewest under way', async () => {
    const world = new World(['a', 'b']);
    const open: (() => void)[] = [];
    world.answer = () => new Promise((resolve) => open.push(() => resolve({ status: 200, body: {} })));
    const first = world.embed();
    await expect.poll(() => world.calls).toEqual(['a']);
    const second = world.embed();
    await expect.poll(() => world.calls).toEqual(['a', 'b']);
    open[1]!();
    await second;
    const third = world.embed();
    await expect.poll(() => world.calls).toEqual(['a', 'b', 'b']);
    open[0]!();
    open[2]!();
    expect(await Promise.all([first, third])).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('go to another when one does not answer, which is then left alone for a while', async () => {
    const world = new World(['a', 'b']);
    world.ill.add('a');
    expect(await world.embed()).toMatchObject({ ok: true });
    expect(await world.embed()).toMatchObject({ ok: true });
    expect(world.calls).toEqual(['a', 'b', 'b']);
    world.nowMs += JOB_LIMITS.replicaSuspectMs;
    await world.embed();
    expect(world.calls.slice(3)).toEqual(['a', 'b']);
  });

  it('are refused while none is healthy, and when none answers, after so many tries', async () => {
    const world = new World(['a', 'b', 'c', 'd']);
    for (const { url } of world.replicas) world.ill.add(url);
    expect(await world.embed()).toMatchObject({ ok: false, error: { code: 'no_healthy_replica' } });
    expect(world.calls).toHaveLength(JOB_LIMITS.replicaTriesMaxCount);
    world.replicas = world.replicas.map((replica) => ({ ...replica, isHealthy: false }));
    world.calls.length = 0;
    expect(await world.embed()).toMatchObject({ ok: false, error: { code: 'no_healthy_replica' } });
    expect(world.calls).toEqual([]);
  });

  it('know of replicas what is replicaViewMs old at most', async () => {
    const world = new World(['a']);
    await world.embed();
    world.replicas = [{ url: 'b', key: 'k', isHealthy: true }];
    await world.embed();
    expect([world.calls, world.reads]).toEqual([['a', 'a'], 1]);
    world.nowMs += JOB_LIMITS.replicaViewMs;
    await world.embed();
    expect([world.calls, world.reads]).toEqual([['a', 'a', 'b'], 2]);
  });

  it('are refused for another model, another kind of job, and one that is over', async () => {
    const world = new World(['a']);
    expect(await world.embed('other')).toMatchObject({ error: { code: 'model_not_found', path: ['model'] } });
    world.nowMs += JOB_LIMITS.replicaViewMs;
    world.change = { finishedAtMs: 1, state: 'cancelled' };
    expect(await world.embed()).toMatchObject({ error: { code: 'state_conflict' } });
    world.change = { work: jobRequest(1).work };
    expect(await world.embed()).toMatchObject({ error: { code: 'state_conflict' } });
    expect(world.calls).toEqual([]);
  });

  it('are answered as the replica refuses them, and not tried elsewhere', async () => {
    const world = new World(['a', 'b']);
    world.answer = async () => ({ status: 400, body: { error: { code: 'limit_exceeded', message: 'has 9 tokens' } } });
    expect(await world.embed()).toMatchObject({ ok: false, error: { code: 'limit_exceeded', message: 'has 9 tokens' } });
    expect(world.calls).toEqual(['a']);
  });
});

it('[T121] calls no replica once the right of its caller has ended, and takes none for ill by that', async () => {
  const world = new World(['a', 'b', 'c']);
  const end = new Ending();
  world.answer = async () => {
    end.revoke();
    return undefined;
  };
  const refused = await world.router.embed(TENANT, JOB, 'm', '{}', end);
  expect(refused).toMatchObject({ error: { code: 'no_healthy_replica' } });
  expect(world.calls).toEqual(['a']);
  world.answer = async () => ({ status: 200, body: {} });
  await world.embed();
  expect(world.calls).toEqual(['a', 'a']);
});

describe('[J338] calls to a job that has given all its replicas back', () => {
  const asleep = {
    work: { kind: 'online_inference', model: 'm', scaling: { outstanding_per_replica: 1, scale_down_delay_s: 1, min: 0 } },
  } as const;

  it('have it get one and wait for it', async () => {
    const world = new World([]);
    world.change = asleep;
    world.slept = () => {
      if (world.wakes === 3) world.replicas = [{ url: 'a', key: 'k', isHealthy: true }];
    };
    expect(await world.embed()).toMatchObject({ ok: true });
    expect([world.wakes, world.calls]).toEqual([3, ['a']]);
    // One that has replicas is woken by no call, nor is one for another model.
    expect(await world.embed()).toMatchObject({ ok: true });
    expect(world.wakes).toBe(3);
  });

  it('are refused with when to repeat them, if none is there in time or too many wait', async () => {
    const world = new World([]);
    world.change = asleep;
    const later = { ok: false, error: { code: 'no_healthy_replica', retryAfterMs: 5_000 } };
    const fromMs = world.nowMs;
    expect(await world.embed()).toMatchObject(later);
    expect(world.nowMs - fromMs).toBe(JOB_LIMITS.replicaWakeMs);
    const wakes = world.wakes;
    expect(await world.embed('other')).toMatchObject({ error: { code: 'model_not_found' } });
    expect(world.wakes).toBe(wakes);
    world.nowMs += JOB_LIMITS.replicaViewMs;
    const waiting = Array.from({ length: JOB_LIMITS.replicaWaitersMaxCount + 1 }, () => world.embed());
    const refused = (await Promise.all(waiting)).filter((one) => !one.ok && one.error.message.includes('calls wait'));
    expect(refused).toHaveLength(1);
  });

  it('[J360] also within the call, where its last replica is leaving', async () => {
    const world = new World(['a']);
    world.change = asleep;
    world.ill.add('a');
    world.slept = () => {
      if (world.wakes === 2) world.replicas = [{ url: 'b', key: 'k', isHealthy: true }];
    };
    expect(await world.embed()).toMatchObject({ ok: true });
    expect([world.calls, world.wakes], 'one that has just not answered is not waited for').toEqual([['a', 'b'], 2]);
    // Those of a job that is to stop are called no more.
    world.nowMs += JOB_LIMITS.replicaViewMs;
    world.change = { ...asleep, state: 'stopping' };
    world.slept = () => (world.change = asleep);
    expect(await world.embed()).toMatchObject({ ok: true });
    expect([world.calls, world.wakes]).toEqual([['a', 'b', 'b'], 3]);
  });

  it('[M164] wait for the next, too, where the one that they have woken dies before it answers', async () => {
    const world = new World([]);
    world.change = asleep;
    const replica = (url: string) => ({ url, key: 'k', isHealthy: true });
    world.ill.add('a').add('b');
    world.slept = () => {
      world.replicas = [replica(world.calls.includes('b') ? 'c' : world.calls.includes('a') ? 'b' : 'a')];
    };
    expect(await world.embed()).toMatchObject({ ok: true });
    expect(world.calls).toEqual(['a', 'b', 'c']);
    // Not for longer in all than a call waits for one.
    const crashing = new World([]);
    crashing.change = asleep;
    const fromMs = crashing.nowMs;
    crashing.slept = () => {
      const next = `r${crashing.calls.length}`;
      crashing.ill.add(next);
      crashing.replicas = [replica(next)];
    };
    expect(await crashing.embed()).toMatchObject({ error: { code: 'no_healthy_replica', retryAfterMs: 5_000 } });
    expect(crashing.nowMs - fromMs).toBe(JOB_LIMITS.replicaWakeMs);
  });

  it('of any other job wake nothing', async () => {
    const world = new World([]);
    expect(await world.embed()).toMatchObject({ error: { code: 'no_healthy_replica' } });
    expect(world.wakes).toBe(0);
  });
});
