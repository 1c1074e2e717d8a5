import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import { LeaseNews, newsOf } from '../../../src/pools/lease-news.ts';
import type { PoolObject } from '../../../durable-objects/pool-object.ts';
import { SqlitePoolStore } from '../../../src/pools/sqlite-pool-store.ts';
import { WaitingAgents, WorkClaim } from '../../../durable-objects/work-claim.ts';
import type { Grant, ReportVerdict } from '../../../src/contract/attempt.ts';
import { attemptIdOf, outputFileOf } from '../../../src/contract/attempt.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { AttemptId, PoolId } from '../../../src/kernel/ids.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { PoolDesk } from '../../../src/gateway/jobs/pool-desk.ts';
import { extended } from '../../../src/pools/agent-lease.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';

const env = anyEnv as unknown as Omit<ObjectsEnv, 'POOL'> & { readonly POOL: DurableObjectNamespace<PoolObject> };
const scheduler = () => env.SCHEDULER.get(env.SCHEDULER.idFromName(SCHEDULER_CELL)) as unknown as JobQueue;
const PROGRESS = { completed: 2, failed: 0, total: 5 };
const COMPLETED = { kind: 'completed', progress: { completed: 5, failed: 0, total: 5 }, tokens: 9 } as const;

const value = <T>(outcome: Outcome<T>): T => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: T }).value;
};

let pools = 0;
async function newPool(evicts = false) {
  const id = `pool_test${String(++pools).padStart(6, '0')}` as PoolId;
  const stub = env.POOL.get(env.POOL.idFromName(id));
  // The generated types of stubs lose branded ids; the gateway's port has them.
  const desk = stub as unknown as PoolDesk;
  const call = async <T>(work: (object: PoolDesk) => Promise<T>): Promise<T> => {
    const answer = await work(desk);
    if (evicts) await evictDurableObject(stub);
    return answer;
  };
  await call((object) => object.create(id, `mac-of-${id}`));
  return { id, stub, call };
}

let jobs = 0;
async function newJob() {
  const request = jobRequest(1_000 + ++jobs);
  value(await scheduler().submit(request));
  return request;
}

const jobState = async (n: ReturnType<typeof jobRequest>) => value(await scheduler().job(n.tenantId, n.id));

const inStore = <T>(stub: DurableObjectStub<PoolObject>, work: (store: SqlitePoolStore) => T) =>
  runInDurableObject(stub, (_object, state) => work(new SqlitePoolStore(state.storage)));

/** Lets every lease of the pool expire, as if time had passed. */
const silence = (stub: DurableObjectStub<PoolObject>) =>
  inStore(stub, (store) => {
    for (const lease of store.unsynced(Number.MAX_SAFE_INTEGER, 100)) store.save({ ...lease, leaseUntilMs: Date.now() - 1 });
  });

describe.each([
  ['in memory', false],
  ['evicted between calls', true],
])('PoolObject, %s', (_name, evicts) => {
  it('[P1] hands an attempt to one agent, takes its heartbeats and reports its end', async () => {
    const { call } = await newPool(evicts);
    const agent = value(await call((object) => object.register('one')));
    const other = value(await call((object) => object.register('two')));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0)))!;
    expect(grant).toMatchObject({ jobId: request.id, fence: 1 });
    expect(value(await call((object) => object.lease(other, 0)))).toBeNull();

    expect(value(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)))).toBe('continue');
    await expect.poll(async () => (await jobState(request)).state).toBe('running');
    expect(value(await call((object) => object.held(grant.attemptId, 1)))).toEqual(grant);
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toEqual({ ok: true, value: null });
    expect(await jobState(request)).toMatchObject({ state: 'succeeded', tokens: 9 });
    // The answer may be lost: the agent repeats the call.
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toEqual({ ok: true, value: null });
    expect(await call((object) => object.summary())).toEqual({ agents: 2, running: 0 });
  });

  it('[P2] answers an agent that asks again with the attempt it holds', async () => {
    const { call } = await newPool(evicts);
    const agent = value(await call((object) => object.register('one')));
    const request = await newJob();
    await newJob();
    const first = value(await call((object) => object.lease(agent, 0)))!;
    const again = value(await call((object) => object.lease(agent, 0)))!;
    expect([first.jobId, again]).toEqual([request.id, first]);
    // It gets no second attempt.
    expect(await call((object) => object.summary())).toMatchObject({ running: 1 });
    await call((object) => object.end(first.attemptId, 1, COMPLETED));
    const next = value(await call((object) => object.lease(agent, 0)))!;
    expect(next.jobId).not.toBe(first.jobId);
    await call((object) => object.end(next.attemptId, 1, COMPLETED));
  });

  it('[P3] takes an attempt from a silent agent; the job runs again and the late completion is refused', async () => {
    const { stub, call } = await newPool(evicts);
    const agent = value(await call((object) => object.register('killed')));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0)))!;
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
    const successor = value(await call((object) => object.register('successor')));
    const second = value(await call((object) => object.lease(successor, 0)))!;
    expect(second).toMatchObject({ jobId: request.id, fence: 2 });
    expect(await call((object) => object.end(second.attemptId, 2, COMPLETED))).toMatchObject({ ok: true });
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    expect(await jobState(request)).toMatchObject({ state: 'succeeded', outputFile: second.outputFile, tokens: 9 });
  });

  it('[P4] refuses a fence that is not the attempt’s', async () => {
    const { call } = await newPool(evicts);
    const agent = value(await call((object) => object.register('one')));
    await newJob();
    const grant = value(await call((object) => object.lease(agent, 0)))!;
    expect(await call((object) => object.heartbeat(grant.attemptId, 2, PROGRESS))).toMatchObject({
      ok: false,
      error: { code: 'stale_fence' },
    });
    expect(await call((object) => object.end(grant.attemptId, 2, COMPLETED))).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    // The lease of the attempt is unaffected.
    expect(value(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)))).toBe('continue');
    const unknown = `att_${'z'.repeat(26)}_1` as AttemptId;
    expect(await call((object) => object.end(unknown, 1, COMPLETED))).toMatchObject({ ok: false, error: { code: 'stale_fence' } });
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  });

  it('[P5] instructs the agent of a cancelled job to stop', async () => {
    const { stub, call } = await newPool(evicts);
    const agent = value(await call((object) => object.register('one')));
    const request = await newJob();
    const grant = value(await call((object) => object.lease(agent, 0)))!;
    await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS));
    await scheduler().cancel(request.tenantId, request.id);
    await stub.nudge('attempts');
    expect(value(await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS)))).toBe('cancel');
    const stopped = { kind: 'failed', reason: 'cancelled', message: '' } as const;
    expect(await call((object) => object.end(grant.attemptId, 1, stopped))).toMatchObject({ ok: true });
    expect(await jobState(request)).toMatchObject({ state: 'cancelled' });
  });
});

describe('PoolObject', () => {
  it('[P6] wakes an agent that waits as soon as a job is submitted', async () => {
    const { call } = await newPool();
    const agent = value(await call((object) => object.register('one')));
    const grantedAfterMs = async (): Promise<number> => {
      const waiting = call((object) => object.lease(agent, 20_000));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const submittedMs = Date.now();
      const request = await newJob();
      const grant = value(await waiting)!;
      const tookMs = Date.now() - submittedMs;
      expect(grant.jobId).toBe(request.id);
      await call((object) => object.end(grant.attemptId, 1, COMPLETED));
      return tookMs;
    };
    // Sooner than the pool's own poll, which would find the job if the wake-up failed. A busy machine may need several tries.
    await expect.poll(grantedAfterMs, { timeout: 30_000 }).toBeLessThan(LIMITS.poolSyncMs - 500);
  });

  it('[P6] answers nothing when the wait is over', async () => {
    const { call } = await newPool();
    const agent = value(await call((object) => object.register('one')));
    expect(value(await call((object) => object.lease(agent, 150)))).toBeNull();
  });

  it('[P7] gives each of many waiting agents a different attempt', async () => {
    const { call } = await newPool();
    const agents = await Promise.all(Array.from({ length: 8 }, async (_, n) => value(await call((object) => object.register(`a${n}`)))));
    const waiting = agents.map((agent) => call((object) => object.lease(agent, 10_000)));
    await Promise.all(Array.from({ length: 8 }, newJob));
    const grants = (await Promise.all(waiting)).map((outcome) => value(outcome)!);
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

  it('[P3] gives a lost attempt to no agent before the scheduler knows of the loss', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register('one')));
    await newJob();
    const grant = value(await call((object) => object.lease(agent, 0)))!;
    await inStore(stub, (store) => store.save({ ...store.find(grant.attemptId)!, lost: true }));
    expect(value(await call((object) => object.lease(agent, 0)))).toBeNull();
    expect(await call((object) => object.held(grant.attemptId, 1))).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await call((object) => object.end(grant.attemptId, 1, COMPLETED))).toMatchObject({ error: { code: 'stale_fence' } });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const again = value(await call((object) => object.lease(agent, 0)))!;
    expect(again).toMatchObject({ jobId: grant.jobId, fence: 2 });
    await call((object) => object.end(again.attemptId, 2, COMPLETED));
  });

  it('[P10] counts work whose agent no longer waits as never started', async () => {
    const { stub } = await newPool();
    await inStore(stub, async (store) => {
      const waiting = new WaitingAgents();
      const waiter = waiting.join('agt_impatient' as AgentId);
      const request = jobRequest(1);
      const attemptId = attemptIdOf(request.id, 1);
      const outputFile = outputFileOf(request.id, 1);
      const grant = {
        attemptId,
        jobId: request.id,
        fence: 1,
        tenantId: request.tenantId,
        owner: request.owner,
        work: request.work,
        outputFile,
      };
      const fetch = async () => {
        waiting.leave(waiter);
        return [grant];
      };
      await new WorkClaim({ store, waiting, fetch, onAssigned: async () => {} }).run();
      expect(newsOf(store.find(attemptId)!)).toMatchObject({ kind: 'failed', reason: 'never_started', fence: 1 });
      expect(store.unsynced(1, 1)).toHaveLength(1);
      store.remove(attemptId);
    });
  });

  it('[P5] keeps reports that arrive from an agent during a call to the scheduler', async () => {
    const { stub, call } = await newPool();
    const agents = await Promise.all(['one', 'two'].map(async (name) => value(await call((object) => object.register(name)))));
    await Promise.all([newJob(), newJob()]);
    const grants: Grant[] = [];
    for (const agent of agents) grants.push(value(await call((object) => object.lease(agent, 0)))!);
    await inStore(stub, async (store) => {
      const [first, second] = grants.map(({ attemptId }) => ({ ...store.find(attemptId)!, progress: PROGRESS }));
      const later = extended(first!, COMPLETED.progress, Date.now() + 5_000);
      const report = async (): Promise<ReportVerdict[]> => {
        store.save(later);
        store.remove(second!.grant.attemptId);
        return ['cancel', 'cancel'];
      };
      const news = new LeaseNews(store, report, { nowMs: () => Date.now() });
      await news.tell([first!, second!]);
      expect(store.find(first!.grant.attemptId)).toEqual({ ...later, command: 'cancel' });
      expect(store.find(second!.grant.attemptId)).toBeUndefined();
    });
    for (const { attemptId } of grants) await call((object) => object.end(attemptId, 1, COMPLETED));
  });

  it('[P1] continues to report to the scheduler after a call that failed', async () => {
    const { stub, call } = await newPool();
    const agent = value(await call((object) => object.register('one')));
    await newJob();
    const grant = value(await call((object) => object.lease(agent, 0)))!;
    await call((object) => object.heartbeat(grant.attemptId, 1, PROGRESS));
    await runInDurableObject(stub, async (object, state) => {
      const inside = object as unknown as { env: ObjectsEnv };
      const working = inside.env;
      const away = { idFromName: () => '', get: () => ({ report: () => Promise.reject(new Error('away')) }) };
      inside.env = { ...working, POOL: env.POOL, SCHEDULER: away as unknown as ObjectsEnv['SCHEDULER'] };
      await state.storage.deleteAlarm();
      new SqlitePoolStore(state.storage).markSynced([grant.attemptId], 0);
      await expect(object.alarm()).rejects.toThrow('away');
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now());
      inside.env = working;
    });
    await call((object) => object.end(grant.attemptId, 1, COMPLETED));
  });

  it('has at most agentsMaxCount agents, and forgets silent ones', async () => {
    const { stub, call } = await newPool();
    await runInDurableObject(stub, (_object, { storage }) => {
      const rows = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${LIMITS.agentsMaxCount})
        INSERT INTO agents SELECT 'agt_' || i, 'many', CASE i WHEN 1 THEN ? ELSE ? END FROM n`;
      storage.sql.exec(rows, Date.now() - LIMITS.agentForgottenMs + 60_000, Date.now());
    });
    expect(await call((object) => object.register('one more'))).toMatchObject({ error: { code: 'limit_exceeded' } });
    await runInDurableObject(stub, (_object, { storage }) => {
      storage.sql.exec('UPDATE agents SET seen_at_ms = seen_at_ms - 60000 WHERE id = ?', 'agt_1');
    });
    expect(await call((object) => object.register('one more'))).toMatchObject({ ok: true });
  });

  it('[P9] asks an agent that it does not know to register', async () => {
    const { call } = await newPool();
    expect(await call((object) => object.lease('agt_0000000000000000' as never, 0))).toMatchObject({
      ok: false,
      error: { code: 'state_conflict' },
    });
  });
});
