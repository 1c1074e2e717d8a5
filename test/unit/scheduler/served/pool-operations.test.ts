import { describe, expect, it } from 'vitest';

import { POOL_LIMITS } from '../../../../src/contract/pools/pool-limits.ts';
import { DEFAULT_SETTINGS } from '../../../../src/contract/pools/pool-record.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { PoolId } from '../../../../src/kernel/ids.ts';
import type { NodeView } from '../../../../src/scheduler/served/pool-operations.ts';
import { SqliteCellStore } from '../../../../src/scheduler/served/sqlite-cell-store.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { ANY_NODE } from '../../../../src/scheduler/served/jobs/job.ts';
import { statedPrice } from '../../../support/worlds/priced-pools.ts';
import { OTHER_POOL, POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const PROGRESS = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
const WIDE = { accelerator: null, acceleratorCount: 0, cpuMilli: 8_000, memoryMib: 8_192 };
const nodesOf = (world: ServedCell): readonly NodeView[] => {
  const nodes = world.cell.operations.nodes(POOL, 100);
  return nodes.ok ? nodes.value : [];
};
const only = (world: ServedCell): NodeView => must(nodesOf(world)[0], 'a node');
const onlyIn = (market: 'reserved' | 'spot') => ({ options: [{ ...ANY_NODE, markets: [market] }] });

describe('[P23] the settings of a pool', () => {
  it('change, are stored, and move where jobs run', () => {
    const world = new ServedCell();
    const waiting = world.submit(1, onlyIn('spot'));
    expect(world.join()).toEqual([]);
    expect(world.cell.operations.change(POOL, { market: 'spot', owner: 'others' })).toMatchObject({
      ok: true,
      value: { id: POOL, owner: 'others', settings: { ...DEFAULT_SETTINGS, market: 'spot' } },
    });
    world.exchange(POOL);
    expect(world.grants.map(({ grant }) => grant.jobId)).toEqual([waiting]);
    world.loseMemory();
    const later = world.submit(2, onlyIn('spot'));
    world.join();
    expect(world.job(later).attempt?.poolId).toBe(POOL);
    expect(world.cell.pools.find(POOL)?.settings?.market).toBe('spot');
  });

  it('that were changed leave the request for the pool what it was: repeated, it finds the pool', () => {
    const world = new ServedCell();
    const made = must(world.cell.pools.find(POOL), 'the pool');
    expect(world.cell.operations.change(POOL, { market: 'spot', owner: 'others' }).ok).toBe(true);
    world.loseMemory();
    expect(world.cell.addPool(made)).toMatchObject({ ok: true, value: { owner: 'others', settings: { market: 'spot' } } });
    expect(world.cell.addPool({ ...made, owner: 'others' })).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
  });

  it('of an unknown pool are refused', () => {
    const unknown = 'pool_zzzzzzzzzz' as PoolId;
    const { operations } = new ServedCell().cell;
    for (const outcome of [
      operations.change(unknown, {}),
      operations.remove(unknown, true),
      operations.nodes(unknown, 1),
      operations.prices(unknown),
    ])
      expect(outcome).toMatchObject({ ok: false, error: { code: 'pool_not_found', path: ['pool'] } });
  });
});

describe('[P24] a pool that is deleted', () => {
  it('is refused while it has nodes, and goes with force: what ran there waits again', () => {
    const world = new ServedCell();
    const running = world.submit(1);
    const [grant] = world.join();
    world.report(running, 1, PROGRESS);
    expect(world.cell.operations.remove(POOL, false)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
    expect(world.job(running).state).toBe('running');
    expect(world.cell.operations.remove(POOL, true)).toEqual({ ok: true, value: null });
    expect(world.job(running)).toMatchObject({ state: 'pending', failures: 0, ended: [{ outcome: 'released' }] });
    // The scheduler answers so when it next reports, and ignores the report.
    world.nodes.delete(POOL);
    const end = { jobId: running, fence: must(grant, 'a grant').fence, kind: 'completed', progress: PROGRESS.progress, tokens: 9 } as const;
    expect(world.exchange(POOL, { reports: [end] })).toMatchObject({ verdicts: ['stale'], effects: [], isGone: true });
    expect(world.cell.takeNews()).not.toContain(OTHER_POOL);
    expect(world.join(1, OTHER_POOL).map(({ jobId, fence }) => [jobId, fence])).toEqual([[running, 2]]);
    world.loseMemory();
    expect(world.cell.pools.find(POOL)).toBeUndefined();
    expect(new SqliteCellStore(world.storage).load().records.pools.map(({ spec }) => spec.id)).toEqual([OTHER_POOL]);
  });

  it('is not made again by the request that made it', () => {
    const world = new ServedCell();
    const pool = must(world.cell.pools.find(POOL), 'a pool');
    expect(world.cell.operations.remove(POOL, false)).toMatchObject({ ok: true });
    expect(world.cell.addPool(pool)).toMatchObject({ ok: false, error: { code: 'idempotency_key_spent' } });
  });
});

describe('[P25] a node', () => {
  it('is listed with what it is, and what runs there', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join(1, POOL, { name: 'machine', capacity: WIDE, attemptsMax: 4, domains: { rack: 'r1' } });
    expect(nodesOf(world)).toMatchObject([
      { node: { name: 'machine', capacity: WIDE, attemptsMax: 4, domains: { rack: 'r1' } }, state: 'open', jobs: [id] },
    ]);
    expect(only(world).idleSinceMs).toBeNull();
  });

  it('that is cordoned keeps its jobs and gets none, though it goes and comes again', () => {
    const world = new ServedCell();
    const running = world.submit(1);
    world.join(1, POOL, { capacity: WIDE, attemptsMax: 4 });
    world.report(running, 1, PROGRESS);
    const { id } = only(world).node;
    expect(world.cell.operations.order(POOL, id, 'cordon')).toMatchObject({ ok: true, value: { state: 'cordoned', jobs: [running] } });
    const waiting = world.submit(2);
    world.end(running, 1, { kind: 'completed', progress: PROGRESS.progress, tokens: 1 });
    expect(only(world).state).toBe('away');
    world.loseMemory();
    world.exchange(POOL, { joined: [only(world).node] });
    expect(only(world).state).toBe('cordoned');
    expect(world.job(waiting).state).toBe('pending');
    world.cell.operations.order(POOL, id, null);
    world.exchange(POOL);
    expect(world.job(waiting).state).toBe('starting');
  });

  it('that is drained is emptied: its jobs are asked to leave', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.join();
    world.report(id, 1, PROGRESS);
    expect(world.cell.operations.order(POOL, only(world).node.id, 'drain')).toMatchObject({ value: { state: 'draining' } });
    expect(world.exchange(POOL).effects.map(({ effect }) => effect.kind)).toEqual(['stop']);
    expect(world.end(id, 1, { kind: 'failed', reason: 'released', message: '' })).toBe('accepted');
    expect(world.job(id)).toMatchObject({ state: 'pending', failures: 0 });
  });

  it('of another pool, or of none, is refused', () => {
    const world = new ServedCell();
    world.join();
    const { id } = only(world).node;
    for (const [pool, node] of [
      [OTHER_POOL, id],
      [POOL, 'agt_0000000000000000'],
    ] as const)
      expect(world.cell.operations.order(pool, node, 'cordon')).toMatchObject({
        ok: false,
        error: { code: 'node_not_found', path: ['node'] },
      });
  });

  it('is forgotten when it has been away for long, and not while it is there', () => {
    const world = new ServedCell();
    world.join(2);
    const [stays, goes] = [...world.nodes.get(POOL)!] as [string, string];
    world.exchange(POOL, { left: [{ nodeId: goes, isLost: false }] });
    world.nowMs += POOL_LIMITS.nodeForgottenMs + 1;
    world.exchange(POOL);
    world.join(1);
    const ids = nodesOf(world).map(({ node }) => node.id);
    expect(ids).toContain(stays);
    expect(ids).not.toContain(goes);
  });
});

describe('[P26] the price of an accelerator of a pool', () => {
  it('changes in time, for the pool alone', () => {
    const world = new ServedCell();
    const at = (fromMs: number, costNanoDollarsPerHour: number) => statedPrice(costNanoDollarsPerHour, { fromMs });
    const shown = (id = POOL) => {
      const prices = world.cell.operations.prices(id);
      return prices.ok ? prices.value.map(({ fromMs, nanoDollarsPerHour, listId }) => [fromMs, nanoDollarsPerHour, listId]) : [];
    };
    world.cell.operations.setPrice(POOL, at(0, 500));
    world.cell.operations.setPrice(POOL, at(world.nowMs + 60_000, 700));
    expect(shown()).toEqual([
      [world.nowMs, 500, null],
      [world.nowMs + 60_000, 700, null],
    ]);
    expect(shown(OTHER_POOL)).toEqual([[Date.UTC(2026, 0, 1), 2_500_000_000, '2026-01-01']]);
    const [first, second] = [world.submit(1), world.submit(2)];
    world.join();
    const segment = () => new SqliteCellStore(world.storage).load().records.jobs.flatMap(({ attempt }) => attempt?.segment ?? []);
    expect(segment().map(({ nanoDollarsPerHour }) => nanoDollarsPerHour)).toEqual([500]);
    world.end(first, 1, { kind: 'completed', progress: PROGRESS.progress, tokens: 1 });
    world.nowMs += 60_000;
    world.loseMemory();
    world.join();
    expect(world.job(second).state).toBe('starting');
    expect(segment().map(({ nanoDollarsPerHour }) => nanoDollarsPerHour)).toEqual([700]);
    // The past one is not kept.
    world.cell.operations.setPrice(POOL, at(0, 900));
    expect(shown()).toEqual([[world.nowMs, 900, null]]);
  });

  it('is refused beyond the number that may be to come', () => {
    const world = new ServedCell();
    const set = (n: number) => world.cell.operations.setPrice(POOL, statedPrice(n, { fromMs: world.nowMs + n }));
    for (let n = 1; n <= POOL_LIMITS.poolPricesMaxCount; n++) expect(set(n).ok).toBe(true);
    expect(set(POOL_LIMITS.poolPricesMaxCount + 1)).toMatchObject({ ok: false, error: { code: 'limit_exceeded' } });
    expect(set(POOL_LIMITS.poolPricesMaxCount).ok).toBe(true);
  });
});

it('[P23] the eviction policy of a pool bounds the grace of jobs there', () => {
  const world = new ServedCell();
  const eviction = { runtimeMinMs: 0, graceMaxMs: 2_000, leavingMaxCount: 5, protectedPriority: null, protectedKinds: [] };
  world.cell.operations.change(POOL, { eviction });
  const id = world.submit(1, { graceMs: 60_000 });
  world.join();
  world.report(id, 1, PROGRESS);
  world.cell.act(jobRequest(1).tenantId, id, { kind: 'cancel' });
  const graceEndsAtMs = () => new SqliteCellStore(world.storage).load().records.jobs[0]?.attempt?.leaving?.graceEndsAtMs;
  expect(graceEndsAtMs()).toBe(world.nowMs + 2_000);
});

describe('[P125] notice that a node will be taken away', () => {
  const gang = { options: [{ ...ANY_NODE, nodes: { min: 2, max: 2, step: 1 } }], graceMs: 300_000 };

  it('asks the whole gang to save until then, says so in its events, and gives the node no work', () => {
    const world = new ServedCell();
    world.join(2);
    const id = world.submit(1, gang);
    world.fund();
    const [first, second] = nodesOf(world).map(({ node }) => node.id) as [string, string];
    const goneAtMs = world.nowMs + 120_000;
    expect(world.cell.operations.notice(POOL, first, 120_000)).toMatchObject({ value: { state: 'draining', terminatesAtMs: goneAtMs } });
    expect(world.job(id)).toMatchObject({ state: 'stopping', attempt: { stopping: 'spot_notice', stopByMs: goneAtMs } });
    const events = world.cell.history.events(id, 0);
    expect(events.filter(({ kind }) => kind === 'termination_notice')).toMatchObject([{ stopping: 'spot_notice', stopByMs: goneAtMs }]);
    // Said again, the earlier time holds.
    world.nowMs += 1_000;
    expect(world.cell.operations.notice(POOL, first, 600_000)).toMatchObject({ value: { terminatesAtMs: goneAtMs } });
    expect(world.cell.operations.notice(POOL, first, 60_000)).toMatchObject({ value: { terminatesAtMs: world.nowMs + 60_000 } });
    expect(world.job(id).attempt?.stopByMs).toBe(world.nowMs + 60_000);
    world.loseMemory();
    expect(nodesOf(world).map(({ node, terminatesAtMs }) => [node.id, terminatesAtMs])).toEqual([
      [first, world.nowMs + 60_000],
      [second, null],
    ]);
    expect(world.cell.operations.notice(POOL, 'agt_0000000000000000', 1)).toMatchObject({ error: { code: 'node_not_found' } });
    // Taken back, it takes work again.
    expect(world.cell.operations.order(POOL, first, null)).toMatchObject({ value: { state: 'open', terminatesAtMs: null } });
  });
});
