import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import type { CountRow, HeldRow } from '../../../src/tenancy/usage/cache-tallies.ts';
import type { CacheTally } from '../../../src/contract/caches/cache-tally.ts';
import type { CallTally } from '../../../src/contract/tenancy/call-tally.ts';
import type { CallHour } from '../../../src/tenancy/usage/call-tallies.ts';
import type { InputHistograms } from '../../../src/tenancy/usage/input-tallies.ts';
import type { Tally } from '../../../src/tenancy/usage/usage-buffer.ts';
import { CACHE_LIMITS } from '../../../src/contract/caches/cache-limits.ts';
import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const { BILLING } = env as unknown as { BILLING: DurableObjectNamespace<BillingObject> };

interface Stats {
  record(events: readonly never[], tallies: readonly Tally[]): Promise<{ ok: boolean }>;
  callHours(tenantId: TenantId, endpoint: string, fromMs: number, withinMs: number): Promise<CallHour[]>;
  inputHistograms(tenantId: TenantId): Promise<InputHistograms[]>;
  cacheStats(tenantId: TenantId, fromMs: number, toMs: number): Promise<{ counts: CountRow[]; held: HeldRow[] }>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { tenantId, organisationId } = idsOf(1);
const nowMs = Date.now();

const tally = (id: string, fields: Partial<CacheTally> = {}): CacheTally => ({
  id,
  isolateId: 'isolate-1',
  organisationId,
  tenantId,
  cache: 'embeddings',
  model: 'glove',
  atMs: nowMs,
  counts: { memory: 3, computed: 1, age_0: 3 },
  held: { entries: 10, bytes: 4000 },
  ...fields,
});

const all = (stats: Stats, of = tenantId) => stats.cacheStats(of, nowMs - 40 * DAY_MS, nowMs + HOUR_MS);

describe.each([{ evicts: false }, { evicts: true }])('tallies of caches in the ledger, evicted after each call: $evicts', ({ evicts }) => {
  const ledger = (name: string) => {
    const stub = BILLING.get(BILLING.idFromName(`${name} ${evicts}`));
    const stats = stub as unknown as Stats;
    const record = async (...tallies: Tally[]) => {
      expect(await stats.record([], tallies)).toMatchObject({ ok: true });
      if (evicts) await evictDurableObject(stub);
    };
    return { stub, stats, record };
  };

  it('[C96] count each once, however often it is delivered, separately for each tenant, cache and model', async () => {
    const { stats, record } = ledger('once');
    await record(tally('a'), tally('a'));
    await record(tally('a'));
    await record(tally('b', { counts: { memory: 4, evicted: 2 } }));
    await record(
      tally('c', { model: 'other' }),
      tally('d', { cache: 'queries', model: null }),
      tally('e', { tenantId: idsOf(2).tenantId }),
    );
    const { counts } = await all(stats);
    const quantity = (cache: string, model: string, counter: string) =>
      counts.find((row) => row.cache === cache && row.model === model && row.counter === counter)?.quantity;
    expect(['memory', 'computed', 'evicted', 'age_0'].map((counter) => quantity('embeddings', 'glove', counter))).toEqual([7, 1, 2, 3]);
    expect([quantity('embeddings', 'other', 'memory'), quantity('queries', '', 'memory')]).toEqual([3, 3]);
    expect((await all(stats, idsOf(2).tenantId)).counts).toHaveLength(3);
    expect((await all(stats, idsOf(3).tenantId)).counts).toEqual([]);
  });

  it('[SL13] of calls count each once, beside those of caches and however often they are delivered', async () => {
    const { stub, stats, record } = ledger('calls');
    const endpoint = 'POST /v1/embeddings';
    const calls = (id: string, counts: CallTally['counts'], atMs = nowMs): CallTally => ({
      id,
      isolateId: 'isolate-1',
      organisationId,
      tenantId,
      endpoint,
      atMs,
      counts,
    });
    await record(calls('i/t:0', { 12: 3 }), tally('i/t:1'), calls('i/t:2', { failed: 1 }));
    await record(calls('i/t:2', { failed: 1 }), calls('i/t:0', { 12: 3 }), calls('i/t:3', { 12: 2 }), calls('i/t:3', { 12: 2 }));
    await record(calls('i/t:4', { 12: 9 }, nowMs - (TENANCY_LIMITS.callCountsDaysMax + 1) * DAY_MS));
    const sums = async () => {
      const hours = await stats.callHours(tenantId, endpoint, 0, 1_000);
      return hours.map(({ valid, answered, within }) => [valid, answered, within]);
    };
    expect(await sums()).toEqual([
      [9, 9, 9],
      [6, 5, 5],
    ]);
    expect((await all(stats)).counts.find(({ counter }) => counter === 'memory')?.quantity).toBe(3);
    await runDurableObjectAlarm(stub);
    expect(await sums()).toEqual([[6, 5, 5]]);
  });

  it('[D80] of inputs count each once, and are compared by weeks of days until they are old', async () => {
    const { stub, stats, record } = ledger('inputs');
    const common = { isolateId: 'i', organisationId, tenantId, input: 'best-score', subject: 'index:notes@1' } as const;
    const lately: Tally = { ...common, id: 'i/t:0', atMs: nowMs, counts: { 3: 2 } };
    const before: Tally = { ...common, id: 'i/t:1', atMs: nowMs - 8 * DAY_MS, counts: { 0: 4 } };
    await record(lately, before, {
      ...common,
      id: 'i/t:2',
      atMs: nowMs - (TENANCY_LIMITS.inputCountsDaysMax + 1) * DAY_MS,
      counts: { 0: 1 },
    });
    await record(before, lately);
    const seen = async () => (await stats.inputHistograms(tenantId)).map(({ before: was, lately: is }) => [was[0], is[3]]);
    expect(await seen()).toEqual([[5, 2]]);
    await runDurableObjectAlarm(stub);
    expect(await seen()).toEqual([[4, 2]]);
  });

  it('[C96] return the last size of each isolate that reported recently', async () => {
    const { stats, record } = ledger('held');
    await record(tally('a'), tally('b', { isolateId: 'isolate-2', held: { entries: 1, bytes: 100 } }));
    await record(tally('c', { atMs: nowMs - 1000, held: { entries: 99, bytes: 9 } }));
    await record(tally('d', { isolateId: 'gone', atMs: nowMs - CACHE_LIMITS.cacheHeldMs - 60_000 }));
    expect((await all(stats)).held).toEqual([
      { tenant: tenantId, cache: 'embeddings', model: 'glove', isolates: 2, entries: 11, bytes: 4100 },
    ]);
  });

  it('[C96] are forgotten when they are old', async () => {
    const { stub, stats, record } = ledger('old');
    await record(tally('old', { atMs: nowMs - (CACHE_LIMITS.cacheStatsDaysMax + 1) * DAY_MS }), tally('new', { isolateId: 'isolate-2' }));
    expect((await all(stats)).counts.find(({ counter }) => counter === 'memory')?.quantity).toBe(6);
    await runDurableObjectAlarm(stub);
    expect((await all(stats)).counts.find(({ counter }) => counter === 'memory')?.quantity).toBe(3);
    const left = await runInDurableObject(stub, (_, state) => state.storage.sql.exec('SELECT isolate FROM cache_held').toArray());
    expect(left).toEqual([{ isolate: 'isolate-2' }]);
  });
});
