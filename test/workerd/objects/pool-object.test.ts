import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { PoolMessage, PoolOrders } from '../../../src/contract/pools/pool-exchange.ts';
import type { AttemptId } from '../../../src/kernel/ids.ts';
import { extended } from '../../../src/pools/agent-lease.ts';
import { PoolSync } from '../../../src/pools/pool-sync.ts';
import {
  COMPLETED,
  env,
  inStore,
  jobState,
  named,
  newJob,
  newPool,
  PROGRESS,
  scheduler,
  silence,
  startAlone,
  value,
} from './pool-world.ts';

beforeEach(startAlone);

/** A scheduler that cannot be reached. */
const AWAY = {
  idFromName: () => '',
  get: () => ({ exchange: () => Promise.reject(new Error('away')) }),
} as unknown as ObjectsEnv['SCHEDULER'];

describe.each([
  ['in memory', false],
  ['evicted between calls', true],
])('PoolObject, %s', (_name, evicts) => {
  it('[P1] hands an attempt to one agent, takes its heartbeats and reports its end', async () => {
    const { call } = await newPool(evicts);
    const agent = value(await call((object) => object.register(named('one'))));
    const other = value(await call((object) => object.register(named('two'))));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    expect(grant).toMatchObject({ jobId: request.id, fence: 1 });
    expect(value(await call((object) => object.lease(other, 0))).grant).toBeNull();

    expect(value(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)))).toMatchObject({ command: 'continue' });
    await expect.poll(async () => (await jobState(request)).state).toBe('running');
    expect(value(await call((object) => object.held(grant.attemptId, 1)))).toEqual(grant);
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toEqual({ ok: true, value: null });
    expect(await jobState(request)).toMatchObject({ state: 'succeeded', tokens: 9 });
    // The answer may be lost: the agent repeats the call.
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toEqual({ ok: true, value: null });
    expect(await call((object) => object.summary())).toEqual({ agents: 2, running: 0 });
  });

  it('[P60] [P61] keeps an attempt that waits in a queue, and gives it to the first process named', async () => {
    const { stub, call } = await newPool(evicts);
    const driver = value(await call((object) => object.register(named('driver'))));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(driver, 0))).grant!;
    const beat = (progress: typeof PROGRESS | null, run?: string) => call((object) => object.heartbeat(grant.attemptId, 1, progress, run));
    const leaseUntilMs = () => inStore(stub, (store) => store.find(grant.attemptId)!.leaseUntilMs);
    const shorten = () => inStore(stub, (store) => store.save({ ...store.find(grant.attemptId)!, leaseUntilMs: Date.now() + 5_000 }));
    await shorten();
    const beforeMs = await leaseUntilMs();
    expect(value(await beat(null))).toMatchObject({ command: 'continue', run: null });
    expect(await leaseUntilMs()).toBeGreaterThan(beforeMs);
    expect(await jobState(request)).toMatchObject({ state: 'starting' });

    expect(value(await beat(PROGRESS, 'first'))).toMatchObject({ command: 'continue', run: 'first' });
    await expect.poll(async () => (await jobState(request)).state).toBe('running');
    // The cluster has started the same attempt twice.
    expect(await beat(PROGRESS, 'second')).toMatchObject({ error: { code: 'stale_fence' } });
    await shorten();
    const runningMs = await leaseUntilMs();
    expect(value(await beat(null))).toMatchObject({ command: 'continue', run: 'first' });
    expect(await leaseUntilMs()).toBe(runningMs);
    expect(value(await beat(PROGRESS, 'first'))).toMatchObject({ run: 'first' });
    expect(await leaseUntilMs()).toBeGreaterThan(runningMs);
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  });

  it('[P2] answers an agent that asks again with the attempt it holds', async () => {
    const { call } = await newPool(evicts);
    const agent = value(await call((object) => object.register(named('one'))));
    const request = await newJob();
    await newJob();
    const first = value(await call((object) => object.lease(agent, 0))).grant!;
    const again = value(await call((object) => object.lease(agent, 0))).grant!;
    expect([first.jobId, again]).toEqual([request.id, first]);
    // It gets no second attempt.
    expect(await call((object) => object.summary())).toMatchObject({ running: 1 });
    await call((object) => object.end(first.attemptId, 1, COMPLETED));
    const next = value(await call((object) => object.lease(agent, 0))).grant!;
    expect(next.jobId).not.toBe(first.jobId);
    await call((object) => object.end(next.attemptId, 1, COMPLETED));
  });

  it('[P3] takes an attempt from a silent agent; the job runs again and the late completion is refused', async () => {
    const { stub, call } = await newPool(evicts);
    const agent = value(await call((object) => object.register(named('killed'))));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS));
    await silence(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await jobState(request)).toMatchObject({ state: 'pending', ended: [{ fence: 1, outcome: 'lease_expired' }] });

    for (const late of [
      await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)),
      await call((object) => object.held(grant.attemptId, 1)),
      await call((object) => object.end(grant.attemptId, 1, COMPLETED)),
    ]) {
      expect(late).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    }
    const successor = value(await call((object) => object.register(named('successor'))));
    const second = value(await call((object) => object.lease(successor, 0))).grant!;
    expect(second).toMatchObject({ jobId: request.id, fence: 2 });
    expect(await call((object) => object.end(second.attemptId, 2, COMPLETED))).toMatchObject({ ok: true });
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    expect(await jobState(request)).toMatchObject({ state: 'succeeded', outputFile: second.outputFile, tokens: 9 });
  });

  it('[P4] refuses a fence that is not the attempt’s', async () => {
    const { call } = await newPool(evicts);
    const agent = value(await call((object) => object.register(named('one'))));
    await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    expect(await call((object) => object.heartbeat(grant.attemptId, 2, PROGRESS))).toMatchObject({
      ok: false,
      error: { code: 'stale_fence' },
    });
    expect(await call((object) => object.end(grant.attemptId, 2, COMPLETED))).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    // The lease of the attempt is unaffected.
    expect(value(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)))).toMatchObject({ command: 'continue' });
    const unknown = `att_${'z'.repeat(26)}_1` as AttemptId;
    expect(await call((object) => object.end(unknown, 1, COMPLETED))).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  });

  it('[P5] instructs the agent of a cancelled job to stop', async () => {
    const { stub, call } = await newPool(evicts);
    const agent = value(await call((object) => object.register(named('one'))));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS));
    await scheduler().act(request.tenantId, request.id, { kind: 'cancel' });
    await stub.nudge();
    expect(value(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)))).toMatchObject({ command: 'cancel' });
    const stopped = { kind: 'failed', reason: 'cancelled', message: '' } as const;
    expect(await call((object) => object.end(grant.attemptId, 1, stopped))).toMatchObject({ ok: true });
    expect(await jobState(request)).toMatchObject({ state: 'cancelled' });
  });
});

describe('PoolObject', () => {
  it('[P6] wakes an agent that waits as soon as a job is submitted', async () => {
    const { call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    const grantedAfterMs = async (): Promise<number> => {
      const waiting = call((object) => object.lease(agent, 20_000));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const submittedMs = Date.now();
      const request = await newJob();
      const grant = value(await waiting).grant!;
      const tookMs = Date.now() - submittedMs;
      expect(grant.jobId).toBe(request.id);
      await call((object) => object.end(grant.attemptId, 1, COMPLETED));
      return tookMs;
    };
    // Sooner than the pool's own poll, which would find the job if the wake-up failed. A busy machine may need several tries.
    await expect.poll(grantedAfterMs).toBeLessThan(JOB_LIMITS.poolSyncMs - 500);
  });

  it('[P6] answers nothing when the wait is over', async () => {
    const { call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    expect(value(await call((object) => object.lease(agent, 150))).grant).toBeNull();
  });

  it('[P7] gives each of many waiting agents a different attempt', async () => {
    const { call } = await newPool();
    const agents = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => value(await call((object) => object.register(named(`a${n}`))))),
    );
    const waiting = agents.map((agent) => call((object) => object.lease(agent, 10_000)));
    await Promise.all(Array.from({ length: 8 }, newJob));
    const grants = (await Promise.all(waiting)).map((outcome) => value(outcome).grant!);
    expect(new Set(grants.map(({ attemptId }) => attemptId)).size).toBe(8);
    await Promise.all(grants.map(({ attemptId }) => call((object) => object.end(attemptId, 1, COMPLETED))));
  });

  it('[P8] accepts only its own token; a pool that was never created accepts none and stores nothing', async () => {
    const { id, stub } = await newPool();
    expect(await stub.knows(`mac-of-${id}`)).toBe(true);
    expect(await stub.knows('mac-of-another')).toBe(false);
    const absent = env.POOL.get(env.POOL.idFromName('pool_absent0000'));
    expect(await absent.knows('mac')).toBe(false);
    const tables = await runInDurableObject(absent, (_object, state) =>
      state.storage.sql.exec(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'`).toArray(),
    );
    expect(tables).toEqual([]);
  });

  it('[P3] takes an attempt from an agent for good, though it asks again before the scheduler knows', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    await inStore(stub, (store) => store.save({ ...store.find(grant.attemptId)!, lost: true }));
    const again = value(await call((object) => object.lease(agent, 0))).grant!;
    expect(again).toMatchObject({ jobId: grant.jobId, fence: 2 });
    expect(await call((object) => object.held(grant.attemptId, 1))).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toMatchObject({ error: { code: 'stale_fence' } });
    await call((object) => object.end(again.attemptId, 2, COMPLETED));
  });

  it('[P3] begins the lease of an attempt when its agent is answered, however long that would have waited', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    const poll = call((object) => object.lease(agent, JOB_LIMITS.longPollMsMax));
    await newJob();
    const grant = value(await poll).grant!;
    const { leaseUntilMs } = (await inStore(stub, (store) => store.find(grant.attemptId)))!;
    expect(leaseUntilMs).toBeLessThanOrEqual(Date.now() + JOB_LIMITS.agentHeartbeatMs + JOB_LIMITS.agentLeaseMs);
    await call((object) => object.end(grant.attemptId, grant.fence, COMPLETED));
  });

  it('[P10] [P17] gives work back that an agent was given after it had stopped asking', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    expect(value(await call((object) => object.lease(agent, 1))).grant).toBeNull();
    const request = await newJob();
    await stub.nudge();
    expect(await jobState(request)).toMatchObject({ state: 'starting' });
    await inStore(stub, (store) => {
      const lease = store.heldBy(agent)!;
      store.save({ ...lease, leaseUntilMs: Date.now() - 1 });
      store.stopsAsking(agent);
    });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await jobState(request)).toMatchObject({ state: 'pending', failures: 0, ended: [{ outcome: 'never_started' }] });
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    expect(grant).toMatchObject({ jobId: request.id, fence: 2 });
    await call((object) => object.end(grant.attemptId, 2, COMPLETED));
  });

  it('[P17] is given nothing while it does not ask', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    const first = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    expect(grant.jobId).toBe(first.id);
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
    expect(value(await call((object) => object.lease(agent, 0))).grant).toBeNull();
    const second = await newJob();
    await stub.nudge();
    expect(await jobState(second)).toMatchObject({ state: 'pending', fence: 0 });
    const next = value(await call((object) => object.lease(agent, 0))).grant!;
    await call((object) => object.end(next.attemptId, 1, COMPLETED));
  });

  it('[P18] reports the end of an attempt once the scheduler can be reached, though the call failed', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    await runInDurableObject(stub, async (object) => {
      const inside = object as unknown as { env: ObjectsEnv };
      const working = inside.env;
      inside.env = { ...working, SCHEDULER: AWAY };
      await expect(object.end(grant.attemptId, 1, COMPLETED)).rejects.toThrow('away');
      inside.env = working;
    });
    expect(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS))).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await jobState(request)).toMatchObject({ state: 'succeeded', tokens: 9 });
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toEqual({ ok: true, value: null });
  });

  it('[P19] has an agent join that it counts and the scheduler does not', async () => {
    const { stub, call } = await newPool();
    const agents = await Promise.all(['one', 'two'].map(async (name) => value(await call((object) => object.register(named(name))))));
    const waiting = call((object) => object.lease(agents[0]!, 20_000));
    await expect.poll(() => inStore(stub, (store) => store.joinedCount())).toBe(1);
    // As if an exchange had been forgotten.
    await runInDurableObject(stub, (_object, { storage }) => {
      storage.sql.exec(
        'UPDATE agents SET joined = 1, asking_until_ms = ?1, present_until_ms = ?1 WHERE id = ?2',
        Date.now() + 60_000,
        agents[1]!,
      );
      storage.sql.exec('UPDATE sync SET joined_count = 2');
    });
    await stub.nudge();
    expect(await inStore(stub, (store) => store.joinedCount())).toBe(2);
    await inStore(stub, (store) => store.leaves(agents[1]!));
    await stub.nudge();
    const request = await newJob();
    const grant = value(await waiting).grant!;
    expect(grant.jobId).toBe(request.id);
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  });

  it('[P5] keeps reports that arrive from an agent during a call to the scheduler', async () => {
    const { stub, call } = await newPool();
    const agents = await Promise.all(['one', 'two'].map(async (name) => value(await call((object) => object.register(named(name))))));
    const requests = [await newJob(), await newJob()];
    const grants: Grant[] = [];
    for (const agent of agents) grants.push(value(await call((object) => object.lease(agent, 0))).grant!);
    await inStore(stub, async (store) => {
      for (const { attemptId } of grants) store.save({ ...store.find(attemptId)!, progress: PROGRESS });
      const [first, second] = grants.map(({ attemptId }) => store.find(attemptId)!);
      const later = extended(first!, COMPLETED.progress, Date.now() + 5_000);
      const exchange = async ({ reports }: PoolMessage): Promise<PoolOrders> => {
        store.save(later);
        store.remove(second!.grant.attemptId);
        store.leaves(second!.agentId);
        return { verdicts: reports.map(() => 'cancel'), effects: [], coming: 0 };
      };
      await new PoolSync({
        store,
        exchange,
        clock: { nowMs: () => Date.now() },
        pause: () => Promise.resolve(),
        judgedMs: () => Date.now(),
        onAssigned: () => {},
        onGone: async () => {},
        onRetired: () => {},
        onScaled: () => {},
      }).run();
      expect(store.find(first!.grant.attemptId)).toMatchObject({ ...later, command: 'cancel' });
      expect(store.find(second!.grant.attemptId)).toBeUndefined();
    });
    for (const { attemptId } of grants) await call((object) => object.end(attemptId, 1, COMPLETED));
    // Of one the pool knows nothing any more.
    for (const { tenantId, id } of requests) await scheduler().act(tenantId, id, { kind: 'cancel' });
  });

  it('[P1] continues to report to the scheduler after a call that failed', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register(named('one'))));
    await newJob();
    const grant = value(await call((object) => object.lease(agent, 0))).grant!;
    await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS));
    await runInDurableObject(stub, async (object, state) => {
      const inside = object as unknown as { env: ObjectsEnv };
      const working = inside.env;
      inside.env = { ...working, POOL: working.POOL, SCHEDULER: AWAY };
      await state.storage.deleteAlarm();
      await expect(object.alarm()).rejects.toThrow('away');
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now());
      inside.env = working;
    });
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  });

  it('[P32] has so many agents in each partition, opens another, and forgets silent ones', async () => {
    const { stub, call } = await newPool();
    await runInDurableObject(stub, (_object, { storage }) => {
      const rows = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${JOB_LIMITS.agentsPerPartitionMaxCount})
        INSERT INTO agents (id, name, seen_at_ms) SELECT 'agt_' || i, 'many', CASE i WHEN 1 THEN ? ELSE ? END FROM n`;
      storage.sql.exec(rows, Date.now() - JOB_LIMITS.agentForgottenMs + 60_000, Date.now());
    });
    expect(value(await call((object) => object.register(named('one more'))))).toMatch(/^agt_1_/);
    await runInDurableObject(stub, (_object, { storage }) => {
      storage.sql.exec('UPDATE agents SET seen_at_ms = seen_at_ms - 60000 WHERE id = ?', 'agt_1');
    });
    // It has room again, and stays with the partition that had some last.
    expect(value(await call((object) => object.register(named('one more'))))).toMatch(/^agt_1_/);
    expect(await call((object) => object.summary())).toEqual({ agents: JOB_LIMITS.agentsPerPartitionMaxCount + 2, running: 0 });
  });

  it('[P9] asks an agent that it does not know to register', async () => {
    const { call } = await newPool();
    expect(await call((object) => object.lease('agt_0000000000000000' as never, 0))).toMatchObject({
      ok: false,
      error: { code: 'state_conflict' },
    });
  });
});
