import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import type { SchedulerObject } from '../../../durable-objects/scheduler-object.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { JOB_MIGRATIONS, SqliteJobStore, SqliteOutbox } from '../../../src/scheduler/first-form-queue/sqlite-job-store.ts';
import { UsageDispatcher } from '../../../durable-objects/ledger-dispatchers.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { JobState } from '../../../src/contract/jobs.ts';
import type { JobId, OrganisationId, PoolId, TenantId } from '../../../src/kernel/ids.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { step } from '../../../src/scheduler/first-form-queue/step.ts';
import { commit } from '../../../src/scheduler/first-form-queue/decision.ts';
import type { AttemptReport, Grant, ReportVerdict } from '../../../src/contract/attempt.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';

interface SchedulerEnv {
  readonly SCHEDULER: DurableObjectNamespace<SchedulerObject>;
  readonly BILLING: DurableObjectNamespace<BillingObject>;
}

const env = anyEnv as unknown as SchedulerEnv;
const POOL = 'pool_scheduler0' as PoolId;
const DONE = { completed: 4, failed: 1, total: 5 };

/** The object as the gateway and the pools call it. */
interface Scheduler extends JobQueue {
  claim(poolId: PoolId, count: number): Promise<readonly Grant[]>;
  report(poolId: PoolId, reports: readonly AttemptReport[]): Promise<readonly ReportVerdict[]>;
}

const tenantOf = (n: number) => `tn_0000000001_${String(n % 50).padStart(8, '0')}` as TenantId;

let cells = 0;
function scheduler(evicts = false) {
  const stub = env.SCHEDULER.get(env.SCHEDULER.idFromName(`cell-${++cells}`));
  // The generated types of stubs lose branded ids.
  const queue = stub as unknown as Scheduler;
  const call = async <T>(work: (object: Scheduler) => Promise<T>): Promise<T> => {
    const answer = await work(queue);
    if (evicts) await evictDurableObject(stub);
    return answer;
  };
  return { stub, call };
}

const unwrap = <T>(outcome: Outcome<T>): T => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: T }).value;
};

describe.each([
  ['in memory', false],
  ['evicted between calls', true],
])('SchedulerObject, %s', (_name, evicts) => {
  it('[J1] carries a job from submission to success, and delivers its usage once', async () => {
    const { stub, call } = scheduler(evicts);
    const organisationId = `org_usage${String(evicts)}` as OrganisationId;
    const request = jobRequest(1, { organisationId });
    unwrap(await call((object) => object.submit(request)));
    const [grant] = await call((object) => object.claim(POOL, 5));
    expect(grant).toMatchObject({ jobId: request.id, fence: 1 });
    expect(await call((object) => object.report(POOL, [{ jobId: request.id, fence: 1, kind: 'progress', progress: DONE }]))).toEqual([
      'continue',
    ]);
    const completed = { jobId: request.id, fence: 1, kind: 'completed', progress: DONE, tokens: 70 } as const;
    expect(await call((object) => object.report(POOL, [completed, completed]))).toEqual(['accepted', 'accepted']);
    const job = unwrap(await call((object) => object.job(request.tenantId, request.id)));
    expect(job).toMatchObject({ state: 'succeeded', tokens: 70, outputFile: grant!.outputFile, progress: DONE });

    await runDurableObjectAlarm(stub);
    await runDurableObjectAlarm(stub);
    const left = await runInDurableObject(stub, (_object, state) => state.storage.sql.exec('SELECT id FROM outbox').toArray());
    expect(left).toEqual([]);
    const recorded = await env.BILLING.get(env.BILLING.idFromName(organisationId)).usage({
      fromMs: Date.now() - 7_200_000,
      toMs: Date.now() + 7_200_000,
      groupBy: ['tenant'],
    });
    expect(recorded.ok && recorded.value.filter(({ meter }) => meter === 'job_tokens').map(({ quantity }) => quantity)).toEqual([70]);
  });

  it('[J8] takes an attempt from a silent pool by alarm, runs it again, and refuses the late completion', async () => {
    const { stub, call } = scheduler(evicts);
    const request = jobRequest(2);
    await call((object) => object.submit(request));
    await call((object) => object.claim(POOL, 1));
    await call((object) => object.report(POOL, [{ jobId: request.id, fence: 1, kind: 'progress', progress: DONE }]));
    const alarmAtMs = await runInDurableObject(stub, (_object, state) => state.storage.getAlarm());
    expect(alarmAtMs).toBeLessThanOrEqual(Date.now() + LIMITS.poolLeaseMs);

    await runInDurableObject(stub, (_object, state) => {
      const store = new SqliteJobStore(state.storage);
      const job = store.find(request.id)!;
      store.save({ ...job, attempt: { ...job.attempt!, leaseUntilMs: Date.now() - 1 } });
    });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const job = unwrap(await call((object) => object.job(request.tenantId, request.id)));
    expect(job).toMatchObject({ state: 'pending', failures: 1, ended: [{ fence: 1, outcome: 'lease_expired' }] });

    const [again] = await call((object) => object.claim(POOL, 1));
    expect(again).toMatchObject({ jobId: request.id, fence: 2 });
    const late = { jobId: request.id, fence: 1, kind: 'completed', progress: DONE, tokens: 1 } as const;
    expect(await call((object) => object.report(POOL, [late]))).toEqual(['stale']);
    expect(await call((object) => object.report(POOL, [{ ...late, fence: 2 }]))).toEqual(['accepted']);
    expect(await call((object) => object.report(POOL, [late]))).toEqual(['stale']);
    expect(unwrap(await call((object) => object.job(request.tenantId, request.id)))).toMatchObject({ outputFile: again!.outputFile });
  });

  it('[J10] shows a tenant its own jobs only, newest first, in pages', async () => {
    const { call } = scheduler(evicts);
    const tenantId = 'tn_0000000001_pages000' as TenantId;
    for (let n = 1; n <= 5; n++) await call((object) => object.submit(jobRequest(n, n === 3 ? {} : { tenantId })));
    const first = await call((object) => object.jobs(tenantId, 2, undefined));
    expect(unwrap(first).map(({ id }) => id)).toEqual([5, 4, 2].map((n) => jobRequest(n).id));
    const second = await call((object) => object.jobs(tenantId, 2, jobRequest(4).id));
    expect(unwrap(second).map(({ id }) => id)).toEqual([2, 1].map((n) => jobRequest(n).id));
    expect(await call((object) => object.job(tenantId, jobRequest(3).id))).toMatchObject({ ok: false, error: { code: 'job_not_found' } });
    expect(await call((object) => object.jobs(tenantId, 2, jobRequest(3).id))).toMatchObject({ ok: false });
  });
});

describe('SchedulerObject', () => {
  it('[J16] [J18] accepts the output of the attempt that completed, for its own tenant alone', async () => {
    const { call } = scheduler();
    const request = jobRequest(1);
    await call((object) => object.submit(request));
    const [lost] = await call((object) => object.claim(POOL, 1));
    const released = { jobId: request.id, fence: 1, kind: 'failed', reason: 'released', message: '' } as const;
    await call((object) => object.report(POOL, [released]));
    const [kept] = await call((object) => object.claim(POOL, 1));
    const outputs = [lost!.outputFile, kept!.outputFile];
    expect(await call((object) => object.acceptedOutputs(request.tenantId, outputs))).toEqual([]);
    await call((object) => object.report(POOL, [{ jobId: request.id, fence: 2, kind: 'completed', progress: DONE, tokens: 1 }]));
    expect(await call((object) => object.acceptedOutputs(request.tenantId, outputs))).toEqual([kept!.outputFile]);
    expect(await call((object) => object.acceptedOutputs(tenantOf(2), outputs))).toEqual([]);
  });

  it('[J14] changes no job whose usage cannot be written with it', async () => {
    const { stub } = scheduler();
    const request = jobRequest(1);
    await runInDurableObject(stub, (object, state) => {
      object.submit(request);
      object.claim(POOL, 1);
      state.storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
      const completed = { jobId: request.id, fence: 1, kind: 'completed', progress: DONE, tokens: 1 } as const;
      expect(() => object.report(POOL, [completed])).toThrow('full');
      expect(object.job(request.tenantId, request.id)).toMatchObject({ value: { state: 'starting', tokens: 0 } });
      state.storage.sql.exec('DROP TRIGGER full');
      expect(object.report(POOL, [completed])).toEqual(['accepted']);
      expect(object.job(request.tenantId, request.id)).toMatchObject({ value: { state: 'succeeded', tokens: 1 } });
    });
  });
});

describe('SchedulerObject at size', () => {
  it('[J13] reads rows in proportion to each answer with 20,000 jobs pending', async () => {
    const { stub } = scheduler();
    await runInDurableObject(stub, (_object, state) => {
      const { storage } = state;
      let cursors: { rowsRead: number }[] = [];
      const counting = {
        transactionSync: <T>(body: () => T) => storage.transactionSync(body),
        sql: {
          get databaseSize() {
            return storage.sql.databaseSize;
          },
          exec: (...query: Parameters<typeof storage.sql.exec>) => {
            const cursor = storage.sql.exec(...query);
            cursors.push(cursor);
            return cursor;
          },
        },
      } as unknown as SqlStorage;
      const store = new SqliteJobStore(counting);
      const outbox = new SqliteOutbox(counting);
      storage.transactionSync(() => {
        for (let n = 1; n <= 20_000; n++) {
          const { decisions } = step(store, { kind: 'submit', request: jobRequest(n, { tenantId: tenantOf(n) }) }, n);
          commit(store, decisions);
        }
      });
      commit(store, step(store, { kind: 'claim', poolId: POOL, count: 50 }, 20_001).decisions);
      const rowsReadBy = (read: () => unknown): number => {
        cursors = [];
        read();
        return cursors.reduce((rows, cursor) => rows + cursor.rowsRead, 0);
      };
      const reads = {
        find: () => store.find(jobRequest(9_000).id),
        nextPending: () => store.nextPending(3),
        expired: () => store.expired(Number.MAX_SAFE_INTEGER, 3),
        openCount: () => store.openCount(tenantOf(7)),
        nextSequence: () => store.nextSequence(),
        newest: () => store.newest(tenantOf(7), 10_000, 3),
        newestStarting: () => store.newest(tenantOf(7), 10_000, 3, 'starting'),
        newestCancelled: () => store.newest(tenantOf(7), 10_000, 3, 'cancelled'),
        nextLeaseEndMs: () => store.nextLeaseEndMs(),
        outbox: () => [outbox.nextDueMs(), outbox.due(1, 3)],
        save: () => store.save(store.find(jobRequest(9_000).id)!),
      };
      const rows = Object.fromEntries(Object.entries(reads).map(([name, read]) => [name, rowsReadBy(read)]));
      expect(store.openCount(tenantOf(7))).toBe(400);
      for (const [name, count] of Object.entries(rows)) expect(count, `${name} of ${JSON.stringify(rows)}`).toBeLessThanOrEqual(12);
      expect(rows['nextPending']).toBeGreaterThanOrEqual(3);
    });
  });

  it('[J75] lists the jobs of one state, newest first, page by page', async () => {
    const { call } = scheduler();
    const tenantId = tenantOf(1);
    const ids = [1, 51, 101, 151].map((n) => jobRequest(n, { tenantId }).id);
    for (const n of [1, 51, 101, 151]) unwrap(await call((object) => object.submit(jobRequest(n, { tenantId }))));
    unwrap(await call((object) => object.cancel(tenantId, ids[1]!)));
    const list = async (limit: number, after: JobId | undefined, state: JobState) =>
      unwrap(await call((object) => object.jobs(tenantId, limit, after, state))).map(({ id }) => id);
    expect(await list(10, undefined, 'cancelled')).toEqual([ids[1]]);
    expect(await list(10, undefined, 'pending')).toEqual([ids[3], ids[2], ids[0]]);
    // One more than the limit shows that there are more; the page's last job may have left the state since.
    expect(await list(1, undefined, 'pending')).toEqual([ids[3], ids[2]]);
    unwrap(await call((object) => object.cancel(tenantId, ids[3]!)));
    expect(await list(1, ids[3], 'pending')).toEqual([ids[2], ids[0]]);
    expect(await list(10, undefined, 'running')).toEqual([]);
  });

  it('[J76] counts no item twice in jobs from before failed items were counted separately', async () => {
    const { stub } = scheduler();
    await runInDurableObject(stub, (_object, { storage }) => {
      storage.sql.exec('DROP TABLE schema_version');
      for (const { name } of storage.sql.exec<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).toArray()) {
        if (!name.startsWith('_cf')) storage.sql.exec(`DROP TABLE ${name}`);
      }
      migrate(storage, JOB_MIGRATIONS.slice(0, 1));
      const insert = `INSERT INTO jobs VALUES (?, 'o', 'tn_old', 'p', 'team', 'succeeded', 1, ?, NULL, ?)`;
      storage.sql.exec(insert, 'old', 1, JSON.stringify({ id: 'old', progress: { completed: 5, failed: 2, total: 5 } }));
      storage.sql.exec(insert, 'new', 2, JSON.stringify({ id: 'new', progress: { completed: 5, failed: 0, total: 5 } }));
    });
    await evictDurableObject(stub);
    await runInDurableObject(stub, (_object, { storage }) => {
      const jobs = new SqliteJobStore(storage).newest('tn_old' as TenantId, 10, 10, 'succeeded');
      expect(jobs.map(({ progress }) => progress)).toEqual([
        { completed: 5, failed: 0, total: 5 },
        { completed: 3, failed: 2, total: 5 },
      ]);
    });
  });

  it('[J14] delivers the usage of each job by its own alarm, one job after another', async () => {
    const { stub } = scheduler();
    for (let n = 1; n <= 3; n++) {
      await stub.submit(jobRequest(n, { organisationId: 'org_alarms0000' as OrganisationId }));
      await stub.claim(POOL, 1);
      await stub.report(POOL, [{ jobId: jobRequest(n).id, fence: 1, kind: 'completed', progress: DONE, tokens: 3 }]);
      const left = () => runInDurableObject(stub, (_object, state) => state.storage.sql.exec('SELECT id FROM outbox').toArray().length);
      await expect.poll(left, { timeout: 3_000 }).toBe(0);
    }
  });

  it('[J14] keeps usage that the ledger does not acknowledge, without holding up that of others', async () => {
    const { stub } = scheduler();
    await runInDurableObject(stub, async (object, state) => {
      const recordedBy: string[] = [];
      const fakeLedger = {
        idFromName: (name: string) => name,
        get: (name: string) => ({
          record: async () => {
            if (name === 'org_broken') throw new Error('away');
            recordedBy.push(name);
            return { ok: true, value: {} };
          },
        }),
      };
      for (const [n, organisationId] of [
        [1, 'org_broken'],
        [2, 'org_fine'],
      ] as const) {
        object.submit(jobRequest(n, { organisationId: organisationId as OrganisationId }));
        object.claim(POOL, 1);
        object.report(POOL, [{ jobId: jobRequest(n).id, fence: 1, kind: 'completed', progress: DONE, tokens: 3 }]);
      }
      const dispatcher = new UsageDispatcher(new SqliteOutbox(state.storage), fakeLedger as unknown as ObjectsEnv['BILLING']);
      await dispatcher.deliver(100);
      expect(recordedBy).toEqual(['org_fine']);
      const left = state.storage.sql
        .exec<{ organisation_id: string; due_ms: number }>('SELECT organisation_id, due_ms FROM outbox')
        .toArray();
      expect(new Set(left.map(({ organisation_id }) => organisation_id))).toEqual(new Set(['org_broken']));
      expect(left[0]!.due_ms).toBeGreaterThan(Date.now());
      await object.alarm();
      expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now());
    });
  });
});
