import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import type { QuotaObject } from '../../../durable-objects/quota-object.ts';
import { syncStub } from '../../../durable-objects/sync-stub.ts';
import type { SchedulerObject } from '../../../durable-objects/scheduler-object.ts';
import type { AttemptReport, Grant, ReportVerdict } from '../../../src/contract/jobs/attempt.ts';
import type { JobState } from '../../../src/contract/jobs/jobs.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { PoolMessage, PoolOrders } from '../../../src/contract/pools/pool-exchange.ts';
import { UsageDispatcher } from '../../../durable-objects/ledger-dispatchers.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { PartitionName } from '../../../src/contract/pools/pool-partition.ts';
import type { JobId, OrganisationId, PoolId, TenantId } from '../../../src/kernel/ids.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import type { SqlStorage } from '../../../src/kernel/sql/sql-storage.ts';
import { HOUR_MS } from '../../../src/kernel/time-units.ts';
import { newJob } from '../../../src/scheduler/served/jobs/job.ts';
import { JOB_MIGRATIONS } from '../../../src/scheduler/served/migrations.ts';
import { SqliteCellStore } from '../../../src/scheduler/served/sqlite-cell-store.ts';
import { SqliteJobIndex } from '../../../src/scheduler/served/jobs/sqlite-job-index.ts';
import { SqliteJobStore } from '../../../src/scheduler/served/jobs/sqlite-job-store.ts';
import { SqliteUsageOutbox } from '../../../src/scheduler/served/jobs/sqlite-usage-outbox.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import { poolNode } from '../../support/fixtures/pool-node.ts';

interface SchedulerEnv {
  readonly SCHEDULER: DurableObjectNamespace<SchedulerObject>;
  readonly BILLING: DurableObjectNamespace<BillingObject>;
  readonly QUOTA: DurableObjectNamespace;
}

const env = anyEnv as unknown as SchedulerEnv;
const POOL = 'pool_scheduler0' as PoolId;
const DONE = { completed: 4, failed: 1, total: 5 };

/** The object as the gateway and the pools call it. */
interface Scheduler extends JobQueue {
  exchange(message: PoolMessage): Promise<PoolOrders>;
}

const tenantOf = (n: number) => `tn_0000000001_${String(n % 50).padStart(8, '0')}` as TenantId;

type Call = <T>(work: (object: Scheduler) => T | Promise<T>) => Promise<T>;

let cells = 0;
async function scheduler(evicts = false) {
  const stub = env.SCHEDULER.get(env.SCHEDULER.idFromName(`cell-${++cells}`));
  // The generated types of stubs lose branded ids.
  const queue = stub as unknown as Scheduler;
  const call: Call = async (work) => {
    const answer = await work(queue);
    if (evicts) await evictDurableObject(stub);
    return answer;
  };
  unwrap(await call((object) => object.addPool({ id: POOL, name: 'pool', owner: 'team', createdAtMs: 1 })));
  return { stub, call, pool: new TestPool(call) };
}

/** A pool whose agents each ask once for work. */
class TestPool {
  readonly #call: Call;
  readonly #agents = new Map<string, string>();
  #joined = 0;
  #nodes = 0;
  #carriedOut = 0;

  constructor(call: Call) {
    this.#call = call;
  }

  async exchange(news: Partial<PoolMessage> = {}): Promise<PoolOrders> {
    this.#nodes += (news.joined?.length ?? 0) - (news.left?.length ?? 0);
    const rest = { poolId: POOL, nodeCount: this.#nodes, carriedOut: this.#carriedOut };
    const orders = await this.#call((object) => object.exchange({ reports: [], left: [], joined: [], ...news, ...rest }));
    this.#carriedOut = orders.effects.at(-1)?.sequence ?? this.#carriedOut;
    return orders;
  }

  /** What `count` more agents are given. */
  async claim(count: number): Promise<readonly Grant[]> {
    const { effects } = await this.exchange({ joined: Array.from({ length: count }, () => poolNode(`agent-${(this.#joined += 1)}`)) });
    return effects.flatMap(({ effect }) => {
      if (effect.kind !== 'start') return [];
      this.#agents.set(effect.grant.jobId, effect.nodeId);
      return [effect.grant];
    });
  }

  async report(reports: readonly AttemptReport[]): Promise<readonly ReportVerdict[]> {
    const ended = new Set(reports.filter(({ kind }) => kind !== 'progress').map(({ jobId }) => jobId));
    const left = [...ended].flatMap((jobId) => {
      const nodeId = this.#agents.get(jobId);
      this.#agents.delete(jobId);
      return nodeId === undefined ? [] : [{ nodeId, isLost: false }];
    });
    return (await this.exchange({ reports, left })).verdicts;
  }
}

const unwrap = <T>(outcome: Outcome<T>): T => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: T }).value;
};

/** Lets the leases of all pools end, as if time had passed. */
const silence = (stub: DurableObjectStub<SchedulerObject>) =>
  runInDurableObject(
    stub,
    (_object, { storage }) => void storage.sql.exec('UPDATE pool_leases SET lease_until_ms = ?', Date.now() - HOUR_MS),
  );

describe.each([
  ['in memory', false],
  ['evicted between calls', true],
])('SchedulerObject, %s', (_name, evicts) => {
  it('[J1] carries a job from submission to success, and delivers its usage once', async () => {
    const { stub, call, pool } = await scheduler(evicts);
    const organisationId = `org_usage${String(evicts)}` as OrganisationId;
    const request = jobRequest(1, { organisationId });
    unwrap(await call((object) => object.submit(request)));
    const [grant] = await pool.claim(5);
    expect(grant).toMatchObject({ jobId: request.id, fence: 1 });
    expect(await pool.report([{ jobId: request.id, fence: 1, kind: 'progress', progress: DONE }])).toEqual(['continue']);
    const completed = { jobId: request.id, fence: 1, kind: 'completed', progress: DONE, tokens: 70 } as const;
    expect(await pool.report([completed, completed])).toEqual(['accepted', 'accepted']);
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

  it('[J115] [J116] [J120] asks the organisation’s quotas first, and returns what it has not used', async () => {
    const { stub, call, pool } = await scheduler(evicts);
    const organisationId = `org_funds${String(evicts)}` as OrganisationId;
    const tenantId = `tn_funds${String(evicts)}_00000001` as TenantId;
    const quota = syncStub<QuotaObject>(env.QUOTA, organisationId);
    const limit = (units: number) =>
      quota.setRules(tenantId, [
        { resource: 'accelerator_ms', window: 'month', limit: units, kind: 'hard', burst: null, accelerator: null },
      ]);
    await limit(500);
    const request = jobRequest(1, { organisationId, tenantId, tokensMax: 1_000 });
    unwrap(await call((object) => object.submit(request)));
    expect(await pool.claim(1)).toEqual([]);
    const explained = await call((object) => object.explain(tenantId, request.id));
    expect(explained).toMatchObject({ value: { explanation: { reason: 'budget_exhausted' } } });
    await limit(700_000);
    await call((object) => object.releasePayers(organisationId));
    // Its pool has been woken; here it asks by itself.
    const granted = async () => (await pool.exchange()).effects.map(({ effect }) => effect.kind);
    await expect.poll(granted).toEqual(['start']);
    const job = unwrap(await call((object) => object.job(tenantId, request.id)));
    await pool.report([{ jobId: request.id, fence: job.fence, kind: 'progress', progress: DONE }]);
    const completed = { jobId: request.id, fence: job.fence, kind: 'completed', progress: DONE, tokens: 70 } as const;
    expect(await pool.report([completed])).toEqual(['accepted']);
    const { acceleratorMs } = unwrap(await call((object) => object.job(tenantId, request.id)));
    await runDurableObjectAlarm(stub);
    const taken = async (resource: 'accelerator_ms' | 'tokens') =>
      (await quota.describe(organisationId)).level.granted[resource]?.at(-1) ?? 0;
    await expect.poll(() => taken('accelerator_ms')).toBe(acceleratorMs);
    expect(await taken('tokens')).toBe(70);
  });

  it('[J8] takes an attempt from a silent pool by alarm, runs it again, and refuses the late completion', async () => {
    const { stub, call, pool } = await scheduler(evicts);
    const request = jobRequest(2);
    await call((object) => object.submit(request));
    await pool.claim(1);
    await pool.report([{ jobId: request.id, fence: 1, kind: 'progress', progress: DONE }]);
    const alarmAtMs = await runInDurableObject(stub, (_object, state) => state.storage.getAlarm());
    expect(alarmAtMs).toBeLessThanOrEqual(Date.now() + JOB_LIMITS.poolLeaseMs);

    await silence(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const job = unwrap(await call((object) => object.job(request.tenantId, request.id)));
    expect(job).toMatchObject({ state: 'pending', failures: 1, ended: [{ fence: 1, outcome: 'lease_expired' }] });

    const other = new TestPool(call);
    const [again] = await other.claim(1);
    expect(again).toMatchObject({ jobId: request.id, fence: 2 });
    const late = { jobId: request.id, fence: 1, kind: 'completed', progress: DONE, tokens: 1 } as const;
    const nothing = { left: [], joined: [] };
    expect((await other.exchange({ ...nothing, reports: [late] })).verdicts).toEqual(['stale']);
    expect(await other.report([{ ...late, fence: 2 }])).toEqual(['accepted']);
    expect((await other.exchange({ ...nothing, reports: [late] })).verdicts).toEqual(['stale']);
    expect(unwrap(await call((object) => object.job(request.tenantId, request.id)))).toMatchObject({ outputFile: again!.outputFile });
  });

  it('[J10] shows a tenant its own jobs only, newest first, in pages', async () => {
    const { call } = await scheduler(evicts);
    const tenantId = 'tn_0000000001_pages000' as TenantId;
    for (let n = 1; n <= 5; n++) await call((object) => object.submit(jobRequest(n, n === 3 ? {} : { tenantId })));
    const first = await call((object) => object.jobs(tenantId, {}, 2, undefined));
    expect(unwrap(first).jobs.map(({ id }) => id)).toEqual([5, 4].map((n) => jobRequest(n).id));
    expect(unwrap(first).next).toBe(jobRequest(4).id);
    const second = await call((object) => object.jobs(tenantId, {}, 2, jobRequest(4).id));
    expect(unwrap(second).jobs.map(({ id }) => id)).toEqual([2, 1].map((n) => jobRequest(n).id));
    expect(unwrap(second).next).toBeNull();
    expect(await call((object) => object.job(tenantId, jobRequest(3).id))).toMatchObject({ ok: false, error: { code: 'job_not_found' } });
    expect(await call((object) => object.jobs(tenantId, {}, 2, jobRequest(3).id))).toMatchObject({ ok: false });
  });
});

describe('SchedulerObject', () => {
  it('[J16] [J18] accepts the output of the attempt that completed, for its own tenant alone', async () => {
    const { call, pool } = await scheduler();
    const request = jobRequest(1);
    await call((object) => object.submit(request));
    const [lost] = await pool.claim(1);
    await pool.report([{ jobId: request.id, fence: 1, kind: 'failed', reason: 'released', message: '' }]);
    const [kept] = await pool.claim(1);
    const outputs = [lost!.outputFile, kept!.outputFile];
    expect(await call((object) => object.acceptedOutputs(request.tenantId, outputs))).toEqual([]);
    await pool.report([{ jobId: request.id, fence: 2, kind: 'completed', progress: DONE, tokens: 1 }]);
    expect(await call((object) => object.acceptedOutputs(request.tenantId, outputs))).toEqual([kept!.outputFile]);
    expect(await call((object) => object.acceptedOutputs(tenantOf(2), outputs))).toEqual([]);
  });

  it('[J14] [J81] changes no job whose usage cannot be written with it, in memory neither', async () => {
    const { stub } = await scheduler();
    const request = jobRequest(1);
    await runInDurableObject(stub, async (object, state) => {
      const pool = new TestPool(async (work) => work(object as unknown as Scheduler));
      await object.submit(request);
      await pool.claim(1);
      state.storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
      const completed = { jobId: request.id, fence: 1, kind: 'completed', progress: DONE, tokens: 1 } as const;
      const exchange = () => object.exchange({ poolId: POOL, reports: [completed], left: [], joined: [], nodeCount: 1, carriedOut: 9 });
      await expect(exchange()).rejects.toThrow('full');
      expect(object.job(request.tenantId, request.id)).toMatchObject({ value: { state: 'starting', tokens: 0 } });
      state.storage.sql.exec('DROP TRIGGER full');
      expect((await exchange()).verdicts).toEqual(['accepted']);
      expect(object.job(request.tenantId, request.id)).toMatchObject({ value: { state: 'succeeded', tokens: 1 } });
    });
  });
});

/** Drops every table, as if the object had never been used. */
function clear(storage: DurableObjectStorage): void {
  storage.sql.exec('DROP TABLE schema_version');
  for (const { name } of storage.sql.exec<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).toArray()) {
    if (!name.startsWith('_cf') && !name.startsWith('sqlite_')) storage.sql.exec(`DROP TABLE ${name}`);
  }
}

describe('SchedulerObject at size', () => {
  it('[J13] reads rows in proportion to each answer with 20,000 jobs stored', async () => {
    const { stub } = await scheduler();
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
      const [store, cell, outbox] = [new SqliteJobStore(counting), new SqliteCellStore(counting), new SqliteUsageOutbox(counting)];
      const index = new SqliteJobIndex(counting);
      const effect = { kind: 'kill', attemptId: 'att_1' as never } as const;
      storage.transactionSync(() => {
        for (let n = 1; n <= 20_000; n++) {
          const job = newJob(jobRequest(n, { tenantId: tenantOf(n) }), n, n);
          store.saveAll([job]);
          index.add([job]);
          if (n % 20 > 0) continue;
          cell.putEffects([{ to: `pool_${n % 100}` as PartitionName, jobId: job.id, fence: 1, effect }]);
          cell.extendLease(`pool_${n}` as PartitionName, n);
          cell.log([{ kind: 'tick' }], n, 500);
        }
      });
      const rowsReadBy = (read: () => unknown): number => {
        cursors = [];
        read();
        return cursors.reduce((rows, cursor) => rows + cursor.rowsRead, 0);
      };
      const reads = {
        find: () => store.find(jobRequest(9_000).id),
        openCount: () => store.openCount(tenantOf(7)),
        newest: () => index.page(tenantOf(7), {}, 10_000, 2),
        newestOfAKind: () => index.page(tenantOf(7), { kind: 'batch_embedding', state: 'pending' }, 10_000, 1),
        newestCancelled: () => index.page(tenantOf(7), { state: 'cancelled', queue: 'default' }, 10_000, 2),
        newestOfATime: () => index.page(tenantOf(7), { createdFromMs: 5_000, createdUntilMs: 6_000 }, 10_000, 1),
        outbox: () => [outbox.nextDueMs(), outbox.due(1, 3)],
        save: () => store.saveAll([store.find(jobRequest(9_000).id)!]),
        effects: () => cell.effects('pool_20' as PartitionName, 3),
        dropEffects: () => cell.dropEffects(new Map([[jobRequest(9_000).id, 1]])),
        silentPartition: () => cell.silentPartition(20_001),
        nextLeaseEnd: () => cell.nextLeaseEndMs(),
        log: () => cell.log([{ kind: 'tick' }], 20_001, 500),
      };
      const rows = Object.fromEntries(Object.entries(reads).map(([name, read]) => [name, rowsReadBy(read)]));
      expect(store.openCount(tenantOf(7))).toBe(400);
      for (const [name, count] of Object.entries(rows)) expect(count, `${name} of ${JSON.stringify(rows)}`).toBeLessThanOrEqual(12);
      expect(rows['effects']).toBeGreaterThanOrEqual(3);
    });
  });

  it('[J75] lists the jobs of one state, newest first, page by page', async () => {
    const { call } = await scheduler();
    const tenantId = tenantOf(1);
    const ids = [1, 51, 101, 151].map((n) => jobRequest(n, { tenantId }).id);
    for (const n of [1, 51, 101, 151]) unwrap(await call((object) => object.submit(jobRequest(n, { tenantId }))));
    unwrap(await call((object) => object.act(tenantId, ids[1]!, { kind: 'cancel' })));
    const list = async (limit: number, after: JobId | undefined, state: JobState) =>
      unwrap(await call((object) => object.jobs(tenantId, { state }, limit, after))).jobs.map(({ id }) => id);
    expect(await list(10, undefined, 'cancelled')).toEqual([ids[1]]);
    expect(await list(10, undefined, 'pending')).toEqual([ids[3], ids[2], ids[0]]);
    // The page's last job may have left the state since.
    expect(await list(1, undefined, 'pending')).toEqual([ids[3]]);
    unwrap(await call((object) => object.act(tenantId, ids[3]!, { kind: 'cancel' })));
    expect(await list(1, ids[3], 'pending')).toEqual([ids[2]]);
    expect(await list(10, undefined, 'running')).toEqual([]);
  });

  it('[J76] counts no item twice in jobs from before failed items were counted separately', async () => {
    const { stub } = await scheduler();
    await runInDurableObject(stub, (_object, { storage }) => {
      clear(storage);
      migrate(storage, JOB_MIGRATIONS.slice(0, 1));
      const insert = `INSERT INTO jobs VALUES (?, 'o', 'tn_old', 'p', 'team', 'succeeded', 1, ?, NULL, ?)`;
      storage.sql.exec(insert, 'old', 1, JSON.stringify({ id: 'old', progress: { completed: 5, failed: 2, total: 5 } }));
      storage.sql.exec(insert, 'new', 2, JSON.stringify({ id: 'new', progress: { completed: 5, failed: 0, total: 5 } }));
    });
    await evictDurableObject(stub);
    await runInDurableObject(stub, (_object, { storage }) => {
      const { jobs } = new SqliteJobIndex(storage).page('tn_old' as TenantId, { state: 'succeeded' }, 10, 10);
      expect(jobs.map(({ progress }) => progress)).toEqual([
        { completed: 5, failed: 0, total: 5 },
        { completed: 3, failed: 2, total: 5 },
      ]);
    });
  });

  it('[J14] delivers the usage of each job by its own alarm, one job after another', async () => {
    const { stub, call, pool } = await scheduler();
    for (let n = 1; n <= 3; n++) {
      await call((object) => object.submit(jobRequest(n, { organisationId: 'org_alarms0000' as OrganisationId })));
      await pool.claim(1);
      await pool.report([{ jobId: jobRequest(n).id, fence: 1, kind: 'completed', progress: DONE, tokens: 3 }]);
      const left = () => runInDurableObject(stub, (_object, state) => state.storage.sql.exec('SELECT id FROM outbox').toArray().length);
      // Long before the alarm that is set for the lease of the pool.
      await expect.poll(left, { timeout: JOB_LIMITS.poolLeaseMs / 2 }).toBe(0);
    }
  });

  it('[J14] keeps usage that the ledger does not acknowledge, without holding up that of others', async () => {
    const { stub } = await scheduler();
    const beganMs = Date.now();
    await runInDurableObject(stub, async (_object, state) => {
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
      // Charged past the object, whose own alarm would deliver it first.
      const { tenantId, projectId } = jobRequest(1);
      const usage = { tenantId, projectId, meter: 'job_tokens', quantity: 3, model: null, route: '/v1/jobs', atMs: beganMs } as const;
      const organisations = ['org_broken', 'org_fine'] as OrganisationId[];
      const outbox = new SqliteUsageOutbox(state.storage);
      outbox.charge(organisations.map((organisationId) => ({ ...usage, id: `usage-${organisationId}`, organisationId })));
      await new UsageDispatcher(outbox, fakeLedger as unknown as ObjectsEnv['BILLING']).deliver(100);
      expect(recordedBy).toEqual(['org_fine']);
      const left = state.storage.sql
        .exec<{ organisation_id: string; due_ms: number }>('SELECT organisation_id, due_ms FROM outbox')
        .toArray();
      expect(new Set(left.map(({ organisation_id }) => organisation_id))).toEqual(new Set(['org_broken']));
      expect(left[0]!.due_ms).toBeGreaterThan(beganMs);
    });
    // It reads what was charged past it once its memory is lost.
    await evictDurableObject(stub);
    await runInDurableObject(stub, async (object, state) => {
      await object.alarm();
      expect(await state.storage.getAlarm()).toBeGreaterThan(beganMs);
    });
  });
});
