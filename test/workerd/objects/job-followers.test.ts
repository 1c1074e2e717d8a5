import { evictDurableObject } from 'cloudflare:test';
import { env as anyEnv } from 'cloudflare:workers';
import { expect, it } from 'vitest';

import type { SchedulerObject } from '../../../durable-objects/scheduler-object.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { JobQueue } from '../../../src/gateway/jobs/job-queue.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';

const env = anyEnv as unknown as { readonly SCHEDULER: DurableObjectNamespace<SchedulerObject> };
const WAIT_MS = 600_000;

const unwrap = <T>(outcome: Outcome<T>): T => {
  expect(outcome).toMatchObject({ ok: true });
  return (outcome as { value: T }).value;
};

it('[J98] [J100] followers wait for the next event of their job, as many as a cell has room for', async () => {
  const stub = env.SCHEDULER.get(env.SCHEDULER.idFromName('followed-cell'));
  // The generated types of stubs lose branded ids.
  const cell = stub as unknown as JobQueue;
  const [request, other] = [jobRequest(1), jobRequest(2)];
  for (const each of [request, other]) unwrap(await cell.submit(each));
  const follow = ({ tenantId, id }: typeof request, after = 1) => cell.events(tenantId, id, after, WAIT_MS);
  const act = ({ tenantId, id }: typeof request, kind: 'suspend' | 'cancel') => cell.act(tenantId, id, { kind });

  const waiting = Array.from({ length: JOB_LIMITS.jobEventsFollowersMaxCount - 1 }, () => follow(request));
  const elsewhere = follow(other);
  // The calls of one stub arrive in order.
  expect(await follow(request)).toMatchObject({ ok: false, error: { code: 'overloaded' } });
  unwrap(await act(request, 'suspend'));
  const suspended = { ok: true, value: { events: [{ sequence: 2, state: 'suspended' }], isOver: false } };
  for (const page of await Promise.all(waiting)) expect(page).toMatchObject(suspended);
  // There is room again, and the follower of the other job still waits.
  const late = follow(request, 2);
  unwrap(await act(request, 'cancel'));
  expect(unwrap(await late)).toMatchObject({ events: [{ sequence: 3, state: 'cancelled' }], isOver: true });
  unwrap(await act(other, 'cancel'));
  expect(unwrap(await elsewhere)).toMatchObject({ events: [{ sequence: 2, state: 'cancelled' }], isOver: true });
  await evictDurableObject(stub);
  expect(unwrap(await follow(other))).toMatchObject({ events: [{ sequence: 2 }], isOver: true });
  expect(unwrap(await follow(other, 2))).toEqual({ events: [], isOver: true });
});
