import { describe, expect, it } from 'vitest';

import type { AttemptNews } from '../../../../src/contract/jobs/attempt.ts';
import { QUEUE_LIMITS } from '../../../../src/contract/queues/queue-limits.ts';
import { SERVED_SETTINGS } from '../../../../src/scheduler/served/served-settings.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import type { ReservationRecord } from '../../../../src/contract/queues/reservation-record.ts';
import type { PoolId, TenantId } from '../../../../src/kernel/ids.ts';
import { FailingSql } from '../../../support/fakes/failing-sql.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const { tenantId: ONE } = jobRequest(0);
const OTHER = 'tn_0000000002_00000001' as TenantId;
const RUNNING: AttemptNews = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } };
const HOUR_MS = 3_600_000;

/** Reserves cores by an operator, from in an hour for an hour. */
const reserve = (world: ServedCell, n: number, overrides: Partial<ReservationRecord> = {}, key: string | null = null, digest = 'd') =>
  world.cell.reservations.reserve(
    {
      name: `rsv_${n}`,
      tenantId: ONE,
      queue: 'default',
      resource: 'cpu',
      amountMilli: 1_000,
      fromMs: world.nowMs + HOUR_MS,
      untilMs: world.nowMs + 2 * HOUR_MS,
      isGranted: true,
      ...overrides,
    },
    key === null ? null : { key, digest },
  );

describe('reservations', () => {
  it("[J191] refuses what is not there, is reserved already, or is not the tenant's", () => {
    const world = new ServedCell([POOL]);
    expect(reserve(world, 1)).toMatchObject({ error: { code: 'limit_exceeded', path: ['count'], limit: { bound: 0 }, value: 1 } });
    world.join(3);
    expect(reserve(world, 1, { amountMilli: 2_000 }).ok).toBe(true);
    expect(reserve(world, 2, { amountMilli: 2_000 })).toMatchObject({ error: { limit: { bound: 1 }, value: 2 } });
    const later = { fromMs: world.nowMs + 2 * HOUR_MS, untilMs: world.nowMs + 3 * HOUR_MS };
    expect(reserve(world, 2, { amountMilli: 3_000, ...later }).ok).toBe(true);
    expect(reserve(world, 3, { resource: 'h100' })).toMatchObject({ error: { code: 'limit_exceeded' } });
    expect(reserve(world, 3, { queue: 'absent' })).toMatchObject({ error: { code: 'queue_not_found' } });
    expect(reserve(world, 3, { untilMs: world.nowMs })).toMatchObject({ error: { code: 'invalid_value', path: ['end'] } });
    // Of what the tenant has, which is nothing, then one core.
    expect(reserve(world, 3, { isGranted: false })).toMatchObject({ error: { code: 'limit_exceeded', limit: { bound: 0 } } });
    const quotas = { cpu: { nominalMilli: 1_000, borrowingMaxMilli: null, lendingMaxMilli: null } };
    const settings = { parent: 'root', weight: 1, quotas };
    world.cell.cohorts.createCohort({ name: 'own', settings, tenantId: ONE, organisationId: null }, null);
    expect(reserve(world, 3, { isGranted: false }).ok).toBe(true);
    expect(reserve(world, 4, { isGranted: false })).toMatchObject({ error: { code: 'limit_exceeded', limit: { bound: 0 } } });
  });

  it('[J191] makes one once under a key, lists those of its tenant, and forgets them when they are over', () => {
    const world = new ServedCell([POOL]);
    world.join(QUEUE_LIMITS.reservationsMaxCount + 1);
    const made = reserve(world, 1, {}, 'k');
    world.loseMemory();
    expect(reserve(world, 2, {}, 'k')).toEqual(made);
    expect(reserve(world, 2, {}, 'k', 'another')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect(world.cell.reservations.reservations(ONE, 5)).toMatchObject([{ name: 'rsv_1' }]);
    expect(world.cell.reservations.reservations(OTHER, 5)).toEqual([]);
    expect(world.cell.reservations.reservation(OTHER, 'rsv_1')).toMatchObject({ error: { code: 'reservation_not_found' } });
    expect(world.cell.reservations.release(OTHER, 'rsv_1')).toMatchObject({ error: { code: 'reservation_not_found' } });
    expect(world.cell.reservations.release(ONE, 'rsv_1').ok).toBe(true);
    expect(reserve(world, 2, {}, 'k')).toMatchObject({ error: { code: 'idempotency_key_spent' } });
    for (let n = 0; n < QUEUE_LIMITS.reservationsMaxCount; n++) expect(reserve(world, n).ok).toBe(true);
    expect(reserve(world, 99)).toMatchObject({ error: { limit: { name: 'reservationsMaxCount' } } });
    world.nowMs += 2 * HOUR_MS;
    expect(world.cell.reservations.reservation(ONE, 'rsv_1').ok).toBe(false);
    world.wake();
    expect(world.storage.sql.exec("SELECT count(*) AS count FROM named_settings WHERE kind = 'reservation'").one()).toEqual({ count: 0 });
  });

  it('[J192] [J193] takes its capacity back with notice while it lasts, and is named to others', () => {
    const world = new ServedCell([POOL]);
    const foreign = world.submit(1, { tenantId: OTHER, priority: 'high' });
    world.join(1, POOL);
    world.report(foreign, 1, RUNNING);
    const beginsAtMs = world.nowMs + 5_000;
    expect(reserve(world, 1, { fromMs: beginsAtMs, untilMs: beginsAtMs + 5_000 }).ok).toBe(true);
    const id = world.submit(2, { priority: 'low' });
    expect(world.job(foreign).state).toBe('running');
    world.nowMs = beginsAtMs - 1;
    world.loseMemory();
    world.wake();
    expect(world.job(foreign).state).toBe('running');
    expect(world.cell.nextDueMs()).toBeLessThanOrEqual(beginsAtMs);
    world.nowMs = beginsAtMs;
    world.wake();
    expect(world.job(foreign)).toMatchObject({ state: 'stopping', attempt: { stopping: 'reclaim' } });
    expect(world.cell.explain(OTHER, foreign)).toMatchObject({ value: { explanation: { evicted: { reason: 'reclaim', forJob: null } } } });
    const reserved = [{ resource: 'cpu', untilMs: beginsAtMs + 5_000, id: null }];
    world.submit(3, { tenantId: OTHER });
    expect(world.cell.explain(OTHER, jobRequest(3).id)).toMatchObject({ value: { explanation: { reserved } } });
    expect(world.cell.explain(ONE, id)).toMatchObject({ value: { explanation: { reserved: [] } } });
    world.end(foreign, 1, { kind: 'failed', reason: 'released', message: '' });
    world.nowMs += 1;
    world.join();
    expect(world.job(id).state).toBe('starting');
    expect(world.cell.queues.queue(ONE, 'default')).toMatchObject({ value: { status: { usage: [{ nominal: 1_000 }, {}] } } });
    world.nowMs = beginsAtMs + 5_000;
    world.wake();
    expect(world.cell.queues.queue(ONE, 'default')).not.toMatchObject({ value: { status: { usage: [{ nominal: 1_000 }] } } });
  });

  it('[J192] [J81] begins though storage failed when its time had come', () => {
    const storage = new FailingSql();
    const world = new ServedCell([POOL], storage);
    world.join();
    reserve(world, 1, { fromMs: world.nowMs + 1_000 });
    // So that there is more to do at that time, in the same transaction.
    for (let n = 1; n <= 3; n++)
      world.submit(n, { tenantId: OTHER, deadlineAtMs: world.nowMs + 1_000, options: [{ ...ANY_NODE, regions: ['moon'] }] });
    world.nowMs += 1_000;
    let failures = 0;
    for (let isDone = false; !isDone; failures++) {
      storage.writesLeft = failures;
      try {
        world.cell.wake();
        isDone = true;
      } catch (error) {
        expect(error).toMatchObject({ message: 'disk full' });
      }
    }
    expect(failures).toBeGreaterThan(5);
    storage.writesLeft = Infinity;
    expect(world.job(jobRequest(3).id).state).toBe('failed');
    expect(world.cell.queues.queue(ONE, 'default')).toMatchObject({ value: { status: { usage: [{ resource: 'cpu', nominal: 1_000 }] } } });
  });

  it('[J192] [J81] begins though storage failed after it had begun, in what else was due', () => {
    const storage = new FailingSql();
    // One job a step: the next step follows in the same transaction.
    const world = new ServedCell([POOL], storage, { ...SERVED_SETTINGS, admissionsMaxCount: 1 });
    world.cell.queues.changeQueue(ONE, 'default', { quotas: { cpu: { nominalMilli: 0, borrowingMaxMilli: 0, lendingMaxMilli: null } } });
    world.join(2);
    const [first, second] = [world.submit(1), world.submit(2)];
    reserve(world, 1, { fromMs: world.nowMs + 1_000, amountMilli: 2_000 });
    world.nowMs += 1_000;
    for (let writes = 0, isDone = false; !isDone; writes++) {
      storage.writesLeft = writes;
      try {
        world.cell.wake();
        isDone = true;
      } catch (error) {
        expect(error).toMatchObject({ message: 'disk full' });
      }
    }
    storage.writesLeft = Infinity;
    world.fund();
    expect([first, second].map((id) => world.job(id).state)).toEqual(['starting', 'starting']);
  });

  it('[J192] lets a queue have what is reserved though its own limit is lower', () => {
    const world = new ServedCell([POOL]);
    world.cell.queues.changeQueue(ONE, 'default', { quotas: { cpu: { nominalMilli: 0, borrowingMaxMilli: 0, lendingMaxMilli: null } } });
    const id = world.submit(1);
    world.join();
    expect(world.job(id).state).toBe('pending');
    reserve(world, 1, { fromMs: world.nowMs });
    world.fund();
    expect(world.job(id).state).toBe('starting');
  });
});

describe('reservations of nodes', () => {
  const nodes = (ids: readonly string[] | null, count = ids?.length ?? 1, poolId: PoolId | null = POOL) => ({
    nodes: { poolId, count, isNamed: ids !== null, ids: ids ?? [], acceleratorsMilli: {} },
  });
  const H100S = { capacity: { accelerator: 'h100', acceleratorCount: 8, cpuMilli: 16_000, memoryMib: 64_000 }, attemptsMax: 8 };
  const idsOf = (world: ServedCell): readonly string[] => [...(world.nodes.get(POOL) ?? [])];

  it('[J196] are made by operators, of nodes that are there and free at that time, as quota', () => {
    const world = new ServedCell([POOL]);
    world.join(2, POOL, H100S);
    const [first = '', second = ''] = idsOf(world);
    expect(reserve(world, 1, { ...nodes([first]), isGranted: false })).toMatchObject({ error: { code: 'invalid_value', path: ['nodes'] } });
    expect(reserve(world, 1, nodes(['agt_0000000000000000']))).toMatchObject({ error: { code: 'node_not_found', path: ['nodes'] } });
    expect(reserve(world, 1, nodes([first], 1, OTHER_POOL))).toMatchObject({ error: { code: 'node_not_found' } });
    expect(reserve(world, 1, nodes(null, 1, OTHER_POOL))).toMatchObject({ error: { code: 'pool_not_found', path: ['pool'] } });
    expect(reserve(world, 1, nodes(null, 3))).toMatchObject({
      error: { code: 'limit_exceeded', path: ['count'], limit: { bound: 2 }, value: 3 },
    });
    const made = reserve(world, 1, nodes([first]), 'k');
    expect(made).toMatchObject({
      value: { resource: 'cpu', amountMilli: 16_000, nodes: { ids: [first], acceleratorsMilli: { h100: 8_000 } } },
    });
    expect(reserve(world, 9, nodes([first]), 'k')).toEqual(made);
    expect(reserve(world, 2, nodes([first]))).toMatchObject({ error: { code: 'state_conflict', path: ['nodes'] } });
    expect(reserve(world, 2, nodes(null, 2))).toMatchObject({ error: { limit: { bound: 1 } } });
    // Neither can what its nodes have be reserved in another way.
    expect(reserve(world, 2, { resource: 'h100', amountMilli: 9_000 })).toMatchObject({ error: { limit: { bound: 8 } } });
    expect(reserve(world, 2, nodes(null))).toMatchObject({ value: { nodes: { ids: [second] } } });
    const later = { fromMs: world.nowMs + 2 * HOUR_MS, untilMs: world.nowMs + 3 * HOUR_MS };
    expect(reserve(world, 3, { ...nodes(null, 2), ...later }).ok).toBe(true);
    world.loseMemory();
    world.nowMs += HOUR_MS;
    world.wake();
    expect(world.cell.queues.queue(ONE, 'default')).toMatchObject({
      value: {
        status: {
          usage: [
            { resource: 'cpu', nominal: 32_000 },
            { resource: 'h100', nominal: 16_000 },
          ],
        },
      },
    });
  });

  it('[J194] [J197] are left with notice, given back at the end, and named to others without an id', () => {
    const world = new ServedCell([POOL]);
    world.join();
    const foreign = world.submit(1, { tenantId: OTHER });
    world.report(foreign, 1, RUNNING);
    const beginsAtMs = world.nowMs + 5_000;
    expect(reserve(world, 1, { ...nodes(null), fromMs: beginsAtMs, untilMs: beginsAtMs + 5_000 }).ok).toBe(true);
    world.loseMemory();
    world.nowMs = beginsAtMs;
    world.wake();
    expect(world.job(foreign)).toMatchObject({ state: 'stopping', attempt: { stopping: 'reserved' } });
    world.end(foreign, 1, { kind: 'failed', reason: 'released', message: '' });
    // Its agent comes back, and is reserved again.
    world.nowMs += 1;
    world.join();
    const blocked = { option: 0, kind: 'reserved', reservation: null, fromMs: beginsAtMs, untilMs: beginsAtMs + 5_000 };
    const why = { reason: 'nodes_reserved', blockers: [blocked], roomAtMs: beginsAtMs + 5_000 };
    expect(world.cell.explain(OTHER, foreign)).toMatchObject({ value: { explanation: why } });
    const { queues } = world.cell;
    queues.createQueue(ONE, 'second', {}, null);
    const beside = world.submit(2, { queue: 'second' });
    expect(world.cell.explain(ONE, beside)).toMatchObject({ value: { explanation: { blockers: [{ ...blocked, reservation: 'rsv_1' }] } } });
    const id = world.submit(3);
    expect(world.job(id).state).toBe('starting');
    world.report(id, 1, RUNNING);
    world.end(id, 1, { kind: 'failed', reason: 'input_missing', message: '' });
    world.nowMs += 1;
    world.join();
    expect([world.job(foreign).state, world.job(beside).state]).toEqual(['pending', 'pending']);
    expect(world.cell.reservations.release(ONE, 'rsv_1').ok).toBe(true);
    world.fund();
    expect([world.job(foreign).state, world.job(beside).state].toSorted()).toEqual(['pending', 'starting']);
  });

  it('[J194] [J84] are given back when their tenant is erased, or they end while no cell is there', () => {
    const world = new ServedCell([POOL]);
    world.join();
    reserve(world, 1, { ...nodes(null), fromMs: world.nowMs, untilMs: world.nowMs + 5_000 });
    const foreign = world.submit(1, { tenantId: OTHER });
    expect(world.job(foreign).state).toBe('pending');
    world.nowMs += 5_000;
    world.loseMemory();
    world.wake();
    world.exchange(POOL);
    expect(world.job(foreign).state).toBe('starting');
    reserve(world, 2, { ...nodes(null), fromMs: world.nowMs, untilMs: world.nowMs + 5_000 });
    expect(world.job(foreign)).toMatchObject({ state: 'stopping', attempt: { stopping: 'reserved' } });
    world.end(foreign, 1, { kind: 'failed', reason: 'released', message: '' });
    world.nowMs += 1;
    world.join();
    expect(world.job(foreign).state).toBe('pending');
    world.cell.eraseTenant(ONE);
    world.fund();
    expect(world.job(foreign).state).toBe('starting');
  });
});
