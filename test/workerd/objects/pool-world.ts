import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { expect } from 'vitest';
import { SCHEDULER_CELL } from '../../../durable-objects/env.ts';
import type { ObjectsEnv } from '../../../durable-objects/env.ts';
import type { PoolObject } from '../../../durable-objects/pool-object.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { PoolNode } from '../../../src/contract/pools/pool-exchange.ts';
import { partitionName } from '../../../src/contract/pools/pool-partition.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import type { PoolCalls } from '../../../src/gateway/pools/pool-calls.ts';
import type { PoolId } from '../../../src/kernel/ids.ts';
import { HOUR_MS } from '../../../src/kernel/time-units.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import { PLAIN_NODE, SqlitePoolStore } from '../../../src/pools/sqlite-pool-store.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';

export const env = anyEnv as unknown as Omit<ObjectsEnv, 'POOL'> & { readonly POOL: DurableObjectNamespace<PoolObject> };
export const scheduler = () => env.SCHEDULER.get(env.SCHEDULER.idFromName(SCHEDULER_CELL)) as unknown as JobQueue;
export const PROGRESS = { completed: 2, failed: 0, total: 5 };
export const COMPLETED = { kind: 'completed', progress: { completed: 5, failed: 0, total: 5 }, tokens: 9 } as const;

export const value = <T>(outcome: Outcome<T>): T => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: T }).value;
};

export const named = (name: string, overrides: Partial<PoolNode> = {}): Omit<PoolNode, 'id'> => ({ name, ...PLAIN_NODE, ...overrides });

let pools = 0;
export async function newPool(evicts = false) {
  const id = `pool_test${String(++pools).padStart(6, '0')}` as PoolId;
  const stub = env.POOL.get(env.POOL.idFromName(id));
  // The generated types of stubs lose branded ids; the gateway's port has them.
  const desk = stub as unknown as PoolCalls;
  const call = async <T>(work: (object: PoolCalls) => Promise<T>): Promise<T> => {
    const answer = await work(desk);
    if (evicts) await evictDurableObject(stub);
    return answer;
  };
  value(await scheduler().addPool({ id, name: id.replaceAll('_', '-'), owner: 'testers', createdAtMs: 1 }));
  await call((object) => object.create(id, `mac-of-${id}`));
  return { id, stub, call };
}

export const partition = (id: PoolId, number: number) => env.POOL.get(env.POOL.idFromName(partitionName(id, number)));
export const deskOf = (stub: DurableObjectStub<PoolObject>) => stub as unknown as PoolCalls;

/** Brings so many agents into a partition that never ask for work. */
export const fill = (stub: DurableObjectStub<PoolObject>, count: number) =>
  inStore(stub, (store) => {
    for (let n = 0; n < count; n++) store.addAgent(`many-${n}` as AgentId, named('many'), Date.now());
  });

/** A pool whose root has room for so many agents more. */
export async function newLargePool(room: number) {
  const pool = await newPool();
  await fill(pool.stub, JOB_LIMITS.agentsPerPartitionMaxCount - room);
  const other = partition(pool.id, 1);
  return { ...pool, root: deskOf(pool.stub), otherStub: other, other: deskOf(other) };
}

/** Ends what other tests, also of other files, have left behind: they share one scheduler. Called before each test. */
export async function startAlone(): Promise<void> {
  for (const { id } of await scheduler().pools(1_000)) value(await scheduler().operate('remove', id, true));
  const { tenantId } = jobRequest(1);
  const waiting = value(await scheduler().jobs(tenantId, { state: 'pending' }, 100, undefined));
  for (const { id } of waiting.jobs) value(await scheduler().act(tenantId, id, { kind: 'cancel' }));
}

let jobs = 0;
export async function newJob(overrides: Partial<JobRequest> = {}) {
  const request = jobRequest(1_000 + ++jobs, overrides);
  value(await scheduler().submit(request));
  return request;
}

export const jobState = async (n: ReturnType<typeof jobRequest>) => value(await scheduler().job(n.tenantId, n.id));

export const inStore = <T>(stub: DurableObjectStub<PoolObject>, work: (store: SqlitePoolStore) => T) =>
  runInDurableObject(stub, (_object, state) => work(new SqlitePoolStore(state.storage)));

/** Lets every lease of the pool expire, as if time had passed. */
export const silence = (stub: DurableObjectStub<PoolObject>) =>
  inStore(stub, (store) => {
    for (const lease of store.ended(Number.MAX_SAFE_INTEGER, 100)) {
      store.save({ ...lease, leaseUntilMs: Date.now() - HOUR_MS });
      store.stopsAsking(lease.agentId);
    }
  });
