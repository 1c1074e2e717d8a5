import { describe, expect, it } from 'vitest';

import type { AttemptEnding, AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import { QUEUE_LIMITS } from '../../../../src/contract/queues/queue-limits.ts';
import type { QuotaTable } from '../../../../src/contract/queues/queue-record.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const { tenantId: ONE } = jobRequest(0);
const OTHER = 'tn_0000000002_00000001' as TenantId;
const RUNNING: AttemptNews = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } };
const COMPLETED: AttemptEnding = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 1 };
const RELEASED: AttemptEnding = { kind: 'failed', reason: 'released', message: 'as instructed' };
const UNLIMITED = { borrowingMaxMilli: null, lendingMaxMilli: null };
const cpu = (cores: number, limits: Partial<QuotaTable[string]> = {}): QuotaTable => ({
  cpu: { nominalMilli: cores * 1_000, ...UNLIMITED, ...limits },
});

/** A cohort of the tenant alone, with a quota of so many cores. */
const grant = (world: ServedCell, cores: number, tenantId = ONE, name = 'own') =>
  world.cell.cohorts.createCohort(
    { name, settings: { parent: null, weight: 1, quotas: cpu(cores) }, tenantId, organisationId: null },
    null,
  );

const run = (world: ServedCell, id: JobId): void => void world.report(id, world.job(id).fence, RUNNING);
const states = (world: ServedCell, ...ids: JobId[]): string[] => ids.map((id) => world.job(id).state);

describe('queues of a tenant', () => {
  it('[J184] [J91] takes jobs for the queues that the tenant has, with priorities that these allow', () => {
    const world = new ServedCell();
    const submit = (n: number, queue: string, priority: number) => world.cell.submit(jobRequest(n, { queue, priority }));
    expect(submit(1, 'nightly', 5)).toMatchObject({ error: { code: 'queue_not_found', path: ['queue'], resource: { name: 'nightly' } } });
    expect(world.cell.queues.createQueue(ONE, 'nightly', { priorityMin: 3, priorityMax: 10 }, null).ok).toBe(true);
    expect(submit(2, 'nightly', 11)).toMatchObject({ error: { code: 'invalid_value', path: ['priority'] } });
    expect(submit(3, 'nightly', 10)).toMatchObject({ value: { queue: 'nightly', state: 'pending' } });
    expect(world.cell.act(ONE, jobRequest(3).id, { kind: 'reprioritise', priority: 2 })).toMatchObject({
      error: { code: 'invalid_value' },
    });
    expect(world.cell.plan(jobRequest(4, { queue: 'absent' }))).toMatchObject({ error: { code: 'queue_not_found' } });
    expect(world.cell.submit(jobRequest(5, { queue: 'nightly', tenantId: OTHER }))).toMatchObject({ error: { code: 'queue_not_found' } });
  });

  it('[J186] makes a queue once under a key, lists queues by name, and deletes one without jobs', () => {
    const world = new ServedCell();
    const { queues } = world.cell;
    const key = { key: 'k', digest: 'd' };
    const made = queues.createQueue(ONE, 'nightly', { weight: 3 }, key);
    world.loseMemory();
    expect(world.cell.queues.createQueue(ONE, 'nightly', { weight: 3 }, key)).toEqual(made);
    expect(world.cell.queues.createQueue(ONE, 'nightly', {}, { ...key, digest: 'e' })).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    });
    expect(world.cell.queues.createQueue(ONE, 'nightly', {}, null)).toMatchObject({ error: { code: 'already_exists' } });
    expect(world.cell.queues.createQueue(ONE, 'default', {}, null)).toMatchObject({ error: { code: 'already_exists' } });
    const names = (limit: number, after?: string) => {
      const page = world.cell.queues.queues(ONE, limit, after);
      return page.ok ? page.value.map(({ queue }) => queue.name) : page;
    };
    expect([names(5), names(1), names(5, 'default')]).toEqual([['default', 'nightly'], ['default', 'nightly'], ['nightly']]);
    expect(world.cell.queues.queues(OTHER, 5)).toMatchObject({ value: [{ queue: { name: 'default' } }] });

    const id = world.submit(1, { queue: 'nightly' });
    expect(world.cell.queues.removeQueue(ONE, 'nightly')).toMatchObject({ error: { code: 'state_conflict' } });
    world.cell.act(ONE, id, { kind: 'cancel' });
    expect(world.cell.queues.removeQueue(ONE, 'nightly')).toEqual({ ok: true, value: null });
    expect(world.cell.queues.createQueue(ONE, 'nightly', { weight: 3 }, key)).toMatchObject({ error: { code: 'idempotency_key_spent' } });
    expect(world.cell.queues.removeQueue(ONE, 'default')).toMatchObject({ error: { code: 'state_conflict' } });
    expect(world.cell.queues.queue(ONE, 'nightly')).toMatchObject({ error: { code: 'queue_not_found' } });
  });

  it('[J186] has as many queues as the limit allows', () => {
    const world = new ServedCell();
    for (let n = 0; n < QUEUE_LIMITS.queuesMaxCount; n++) expect(world.cell.queues.createQueue(ONE, `q${n}`, {}, null).ok).toBe(true);
    expect(world.cell.queues.createQueue(ONE, 'more', {}, null)).toMatchObject({
      error: { code: 'limit_exceeded', limit: { name: 'queuesMaxCount' }, value: QUEUE_LIMITS.queuesMaxCount + 1 },
    });
  });

  it('[J181] [J186] starts nothing from a queue on hold, says so, and drains it', () => {
    const world = new ServedCell([POOL]);
    world.cell.queues.createQueue(ONE, 'nightly', {}, null);
    const [running, waiting] = [world.submit(1, { queue: 'nightly' }), world.submit(2, { queue: 'nightly' })];
    world.join();
    run(world, running);
    world.cell.queues.changeQueue(ONE, 'nightly', { stop: 'hold' });
    world.nowMs += 1;
    expect(world.join()).toEqual([]);
    expect(world.cell.explain(ONE, waiting)).toMatchObject({
      value: { explanation: { reason: 'queue_stopped', remedies: [{ steps: [{ kind: 'start_queue', queue: 'nightly' }] }] } },
    });
    expect(world.cell.plan(jobRequest(3, { queue: 'nightly' }))).toMatchObject({ value: { waiting: { reason: 'queue_stopped' } } });
    expect(states(world, running, waiting)).toEqual(['running', 'pending']);
    world.cell.queues.changeQueue(ONE, 'nightly', { stop: 'hold_and_drain' });
    expect(world.job(running)).toMatchObject({ state: 'stopping', attempt: { stopping: 'queue_stopped' } });
    world.exchange(POOL);
    world.end(running, 1, RELEASED);
    world.loseMemory();
    expect(states(world, running, waiting)).toEqual(['pending', 'pending']);
    // The remedy that was named.
    world.cell.queues.changeQueue(ONE, 'nightly', { stop: 'none' });
    world.fund();
    expect(states(world, running, waiting)).toContain('starting');
  });

  it('[J87] [J84] suspends all queues of a tenant, and erases them with it', () => {
    const world = new ServedCell([POOL]);
    world.cell.queues.createQueue(ONE, 'nightly', {}, { key: 'k', digest: 'd' });
    grant(world, 1);
    const id = world.submit(1, { queue: 'nightly' });
    world.cell.suspendTenant(ONE, true);
    expect(world.join()).toEqual([]);
    expect(world.cell.explain(ONE, id)).toMatchObject({ value: { explanation: { reason: 'tenant_suspended' } } });
    expect(world.cell.eraseTenant(ONE)).toBe(0);
    const left = ['cell_records', 'named_settings', 'spent_keys', 'cell_events'].filter((table) =>
      JSON.stringify(world.storage.sql.exec(`SELECT * FROM ${table}`).toArray()).includes(ONE),
    );
    expect(left).toEqual([]);
    world.loseMemory();
    expect(world.cell.cohorts.cohorts(5)).toMatchObject({ value: [{ cohort: { name: 'root' } }] });
  });
});

describe('what tenants have of each other', () => {
  it('[J187] a tenant with many queues gets no more agents than one with the queue it always had', () => {
    const world = new ServedCell();
    for (const name of ['a', 'b', 'c']) world.cell.queues.createQueue(ONE, name, { weight: QUEUE_LIMITS.queueWeightMax }, null);
    for (let n = 1; n <= 60; n++) {
      world.submit(n, n % 2 === 0 ? { tenantId: OTHER, priority: 'low' } : { queue: ['a', 'b', 'c'][n % 3]!, priority: 'high' });
    }
    const had = new Map<TenantId, number>();
    for (let round = 0; round < 10; round++) {
      const grants = world.join(4);
      for (const { tenantId } of grants) had.set(tenantId, (had.get(tenantId) ?? 0) + 1);
      world.nowMs += 7_000;
      for (const { jobId } of grants) world.end(jobId, 1, COMPLETED);
    }
    expect([...had.values()]).toEqual([20, 20]);
  });

  it('[J187] [J121] jobs of milliseconds in many queues leave every other turn to another tenant', () => {
    const world = new ServedCell([POOL]);
    for (const name of ['a', 'b', 'c']) world.cell.queues.createQueue(ONE, name, {}, null);
    for (let n = 1; n <= 24; n++) world.submit(n, { queue: ['a', 'b', 'c'][n % 3]!, priority: 'high' });
    for (let n = 25; n <= 36; n++) world.submit(n, { tenantId: OTHER, priority: 'low' });
    const turns: TenantId[] = [];
    for (let round = 0; round < 12; round++) {
      world.nowMs += 20;
      const [given] = world.join();
      turns.push(given!.tenantId);
      world.end(given!.jobId, given!.fence, COMPLETED);
    }
    expect(turns.filter((tenantId) => tenantId === OTHER)).toHaveLength(6);
  });

  it('[J187] [J189] shares agents between queues by their weights, and shows their shares', () => {
    const world = new ServedCell();
    world.cell.queues.createQueue(ONE, 'large', { weight: 3 }, null);
    world.cell.queues.createQueue(ONE, 'small', { weight: 1 }, null);
    for (let n = 1; n <= 80; n++) world.submit(n, { queue: n % 2 === 0 ? 'large' : 'small' });
    world.join(8);
    const usage = (name: string) => {
      const view = world.cell.queues.queue(ONE, name);
      return view.ok ? view.value.status : view;
    };
    expect(usage('large')).toMatchObject({ admitted: 6, pending: 34, fairPpm: 750_000, usage: [{ resource: 'cpu', used: 6_000 }, {}] });
    expect(usage('small')).toMatchObject({ admitted: 2, pending: 38, fairPpm: 250_000, sharePpm: 20 });
  });

  it('[J185] a tenant divides the quota it was granted, and makes none', () => {
    const world = new ServedCell();
    const create = (name: string, cores: number) => world.cell.queues.createQueue(ONE, name, { quotas: cpu(cores) }, null);
    expect(create('a', 1)).toMatchObject({
      error: { code: 'limit_exceeded', path: ['quotas', 'cpu', 'nominal'], limit: { bound: 0 }, value: 1 },
    });
    grant(world, 3);
    expect([create('a', 2).ok, create('b', 1).ok]).toEqual([true, true]);
    expect(create('c', 1)).toMatchObject({ error: { code: 'limit_exceeded', limit: { bound: 0 } } });
    expect(world.cell.queues.changeQueue(ONE, 'a', { quotas: cpu(3) })).toMatchObject({ error: { limit: { bound: 2 }, value: 3 } });
    // A quota that is cut is so from the last queue on.
    world.cell.cohorts.changeCohort('own', { quotas: cpu(2) });
    const granted = (name: string) => {
      const view = world.cell.queues.queue(ONE, name);
      return view.ok ? view.value.status.usage : [];
    };
    expect([granted('a'), granted('b')]).toMatchObject([[{ nominal: 2_000 }], [{ nominal: 0 }]]);
  });

  it('[J185] a limit on borrowing caps a queue, and the explanation says which quota is missing', () => {
    const world = new ServedCell([POOL]);
    world.cell.queues.createQueue(ONE, 'capped', { quotas: cpu(0, { borrowingMaxMilli: 1_000 }) }, null);
    const ids = [1, 2, 3].map((n) => world.submit(n, { queue: n === 3 ? 'default' : 'capped' }));
    world.join(3);
    expect(states(world, ...ids)).toEqual(['starting', 'pending', 'starting']);
    expect(world.cell.explain(ONE, ids[1]!)).toMatchObject({
      value: { explanation: { reason: 'queue_quota', blockers: [{ kind: 'quota', resource: 'cpu', needed: 1_000, available: 0 }] } },
    });
    world.cell.queues.changeQueue(ONE, 'capped', { quotas: {} });
    world.fund();
    expect(states(world, ...ids)).toEqual(['starting', 'starting', 'starting']);
  });
});

describe('[J190] jobs that make room for others', () => {
  it('evicts none of its queue unless the policy says so, and names the job that it makes room for', () => {
    const world = new ServedCell([POOL]);
    const low = world.submit(1, { priority: 'low' });
    world.join();
    run(world, low);
    const high = world.submit(2, { priority: 'high' });
    expect(states(world, low, high)).toEqual(['running', 'pending']);
    world.cell.queues.changeQueue(ONE, 'default', { withinQueue: 'lower_priority' });
    expect(world.job(low)).toMatchObject({ state: 'stopping', attempt: { stopping: 'priority', stoppingFor: high } });
    expect(world.exchange(POOL).effects.map(({ effect }) => effect)).toMatchObject([{ kind: 'stop', command: 'stop' }]);
    world.end(low, 1, RELEASED);
    world.nowMs += 1;
    world.join();
    expect(states(world, low, high)).toEqual(['pending', 'starting']);
    expect(world.job(low).ended).toMatchObject([{ stoppedFor: 'priority', stoppedForJob: high }]);
    expect(world.cell.explain(ONE, low)).toMatchObject({ value: { explanation: { evicted: { reason: 'priority', forJob: high } } } });
  });

  it.each([
    ['never', 'running', 'running'],
    ['lower_priority', 'running', 'stopping'],
    ['any', 'stopping', 'stopping'],
  ] as const)('takes back what another queue borrowed: %s', (reclaim, byEqual, byHigher) => {
    const world = new ServedCell([POOL]);
    grant(world, 1);
    world.cell.queues.createQueue(ONE, 'lender', { quotas: cpu(1), reclaim }, null);
    const borrower = world.submit(1, { priority: 50 });
    world.join();
    run(world, borrower);
    world.submit(2, { queue: 'lender', priority: 50 });
    expect(states(world, borrower)).toEqual([byEqual]);
    const higher = world.submit(3, { queue: 'lender', priority: 60 });
    expect(states(world, borrower)).toEqual([byHigher]);
    if (byEqual === 'running' && byHigher === 'stopping')
      expect(world.job(borrower).attempt).toMatchObject({ stopping: 'reclaim', stoppingFor: higher });
  });

  it('takes what was granted to a tenant back from others, and nothing that was not', () => {
    const world = new ServedCell([POOL]);
    const foreign = world.submit(1, { tenantId: OTHER, priority: 'high' });
    world.join();
    run(world, foreign);
    world.cell.queues.createQueue(ONE, 'mine', { reclaim: 'any', withinQueue: 'lower_priority' }, null);
    world.submit(2, { queue: 'mine', priority: 'high' });
    expect(states(world, foreign)).toEqual(['running']);
    grant(world, 1);
    expect(world.job(foreign)).toMatchObject({ state: 'stopping', attempt: { stopping: 'reclaim' } });
    // The other tenant learns why, and nothing of the job.
    expect(world.cell.explain(OTHER, foreign)).toMatchObject({ value: { explanation: { evicted: { reason: 'reclaim', forJob: null } } } });
  });

  it.each([
    ['of accelerators alone', {}, 'stopping'],
    ['of CPU as well, that covers the job', { cpu: { nominalMilli: 8_000, ...UNLIMITED } }, 'stopping'],
    ['of CPU as well, that does not cover it', { cpu: { nominalMilli: 500, ...UNLIMITED } }, 'running'],
  ] as const)('[J280] a quota %s takes back accelerators', (_, more, after) => {
    const world = new ServedCell([POOL]);
    const quotas: QuotaTable = { h100: { nominalMilli: 1_000, ...UNLIMITED }, ...more };
    world.cell.cohorts.createCohort(
      { name: 'own', settings: { parent: null, weight: 1, quotas }, tenantId: ONE, organisationId: null },
      null,
    );
    world.cell.queues.createQueue(ONE, 'lender', { quotas, reclaim: 'any' }, null);
    const perNode = { ...ANY_NODE.perNode, acceleratorCount: 1, milliEach: 1_000 };
    const terms = { options: [{ ...ANY_NODE, accelerator: 'h100', perNode }] };
    const borrower = world.submit(1, { tenantId: OTHER, priority: 'high', ...terms });
    world.join(1, POOL, { capacity: { accelerator: 'h100', acceleratorCount: 1, cpuMilli: 4_000, memoryMib: 8_192 } });
    run(world, borrower);
    world.submit(2, { queue: 'lender', priority: 'low', ...terms });
    expect(states(world, borrower)).toEqual([after]);
  });
});
