import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import { syncStub } from '../../../durable-objects/sync-stub.ts';
import type { QuotaObject } from '../../../durable-objects/quota-object.ts';
import type { QuotaRule } from '../../../src/contract/tenancy/quota-rule.ts';
import type { Amounts } from '../../../src/tenancy/quota/amounts.ts';
import type { LevelId } from '../../../src/tenancy/quota/quota-level.ts';
import { grantedIn } from '../../../src/tenancy/quota/quota-level.ts';
import type { PathAsk } from '../../../src/tenancy/quota/decision.ts';
import type { Slice } from '../../../src/tenancy/quota/window.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const { QUOTA, BILLING } = env as unknown as { QUOTA: DurableObjectNamespace; BILLING: DurableObjectNamespace };
const NOTHING = {};
const HOUR_MS = 3_600_000;

const rule = (resource: QuotaRule['resource'], window: QuotaRule['window'], limit: number, more: Partial<QuotaRule> = {}): QuotaRule => ({
  resource,
  window,
  limit,
  kind: 'hard',
  burst: null,
  accelerator: null,
  ...more,
});

/** One organisation. Its rules count by day, so that a new minute during the test changes nothing. */
function organisation(number: number) {
  const { organisationId, tenantId, projectId, id: keyId } = idsOf(number);
  const path: LevelId[] = [organisationId, tenantId, projectId, keyId];
  const quota = syncStub<QuotaObject>(QUOTA, organisationId);
  const ask = (need: Amounts, want = need, returned: Slice[] = [], of: readonly LevelId[] = path): PathAsk => ({
    path: of,
    ask: { need, draw: need, want, returned },
  });
  const take = async (holder: string, sequence: number, asked: PathAsk) => (await quota.take(holder, sequence, [asked]))[0]!;
  const spent = async (id: LevelId, key: 'requests' | 'tokens' = 'requests') => grantedIn((await quota.describe(id)).level, key, 'day');
  return { quota, path, ask, take, spent, organisationId, tenantId, projectId, keyId, stub: QUOTA.get(QUOTA.idFromName(organisationId)) };
}

describe('QuotaObject', () => {
  it('[T20] [T21] [T36] grants exactly the limit to concurrent calls, at every level in one step', async () => {
    const { quota, ask, spent, organisationId, tenantId, projectId, keyId } = organisation(101);
    await quota.setRules(tenantId, [rule('requests', 'day', 300), rule('tokens', 'day', 1_000)]);
    await quota.setRules(keyId, [rule('requests', 'day', 299)]);
    const decisions = (
      await Promise.all(
        Array.from({ length: 500 }, (_, call) =>
          quota.take(`isolate-${call % 7}`, call, [ask({ requests: 1, tokens: 2 }, { requests: 20, tokens: 9 })]),
        ),
      )
    ).flat();
    const granted = decisions.flatMap((decision) => (decision.kind === 'granted' ? [decision.slice.units] : []));
    expect(granted.reduce((sum, units) => sum + (units.requests ?? 0), 0)).toBe(299);
    expect(await Promise.all([organisationId, tenantId, projectId, keyId].map((id) => spent(id)))).toEqual([299, 299, 299, 299]);
    expect(await spent(tenantId, 'tokens')).toBe(granted.reduce((sum, units) => sum + (units.tokens ?? 0), 0));
    expect(await spent(tenantId, 'tokens')).toBeLessThanOrEqual(1_000);
    expect(decisions.find((decision) => decision.kind === 'refused')).toMatchObject({ level: 'key', rule: { window: 'day', limit: 299 } });
  });

  it('[T28] loses and doubles nothing when it is evicted between calls', async () => {
    const { quota, take, ask, stub, keyId } = organisation(102);
    await quota.setRules(keyId, [rule('requests', 'day', 10)]);
    const kinds: string[] = [];
    for (let call = 0; call < 14; call++) {
      kinds.push((await take('isolate', call, ask({ requests: 1 }))).kind);
      await evictDurableObject(stub);
    }
    expect(kinds).toEqual([...Array(10).fill('granted'), ...Array(4).fill('refused')]);
  });

  it('[T22] credits a remainder once, however often and in whatever order its message comes', async () => {
    const { quota, take, ask, spent, tenantId } = organisation(103);
    await quota.setRules(tenantId, [rule('requests', 'day', 100)]);
    const granted = await take('isolate', 0, ask({ requests: 60 }));
    if (granted.kind !== 'granted') throw new Error('refused');
    const rest = { ...granted.slice, units: { requests: 20 } };

    await take('a stranger', 7, ask(NOTHING, NOTHING, [rest]));
    expect(await spent(tenantId)).toBe(60);
    await take('isolate', 2, ask(NOTHING, NOTHING, [rest]));
    expect(await spent(tenantId)).toBe(40);
    await take('isolate', 2, ask(NOTHING, NOTHING, [rest]));
    await take('isolate', 1, ask(NOTHING, NOTHING, [rest]));
    expect(await spent(tenantId)).toBe(40);
    const yesterday = { ...rest, startsMs: { ...rest.startsMs, day: rest.startsMs.day - 86_400_000 } };
    await take('isolate', 3, ask(NOTHING, NOTHING, [yesterday]));
    expect(await spent(tenantId)).toBe(40);
  });

  it('[T39] keeps a reservation by id: a repetition returns it, and settling twice credits once', async () => {
    const { quota, path, spent, keyId, stub } = organisation(104);
    await quota.setRules(keyId, [rule('accelerator_ms', 'day', 1_000, { accelerator: 'h100' }), rule('accelerator_ms', 'day', 1_500)]);
    const units = { accelerator_ms: 800, 'accelerator_ms:h100': 800, requests: 1 };
    const segment = (id: string, more: Amounts = units) => quota.reserve({ id, path, units: more, lifeMs: HOUR_MS });
    const first = await segment('att_1:1:1');
    expect(first).toMatchObject({ kind: 'granted', slice: { units } });
    await evictDurableObject(stub);
    expect(await segment('att_1:1:1')).toEqual(first);
    expect(await segment('att_1:1:2')).toMatchObject({ kind: 'refused', rule: { accelerator: 'h100' } });
    // Another type counts against the rule for all accelerators only.
    expect(await segment('att_2:1:1', { accelerator_ms: 700, 'accelerator_ms:l4': 700 })).toMatchObject({ kind: 'granted' });
    expect(await quota.settle('att_1:1:1', { accelerator_ms: 300, 'accelerator_ms:h100': 300, requests: 1 })).toBe(true);
    expect(await quota.settle('att_1:1:1', NOTHING)).toBe(false);
    expect(await quota.settle('unknown', NOTHING)).toBe(false);
    expect(await segment('att_1:1:1')).toEqual(first);
    expect(await segment('att_1:1:3', { accelerator_ms: 501 })).toMatchObject({ kind: 'refused', rule: { accelerator: null } });
    expect(await segment('att_1:1:4', { accelerator_ms: 500, 'accelerator_ms:h100': 500 })).toMatchObject({ kind: 'granted' });
    expect(await spent(keyId)).toBe(1);
  });

  it('[T39] leaves a reservation spent that was not settled in time', async () => {
    const { quota, path, spent, tenantId } = organisation(105);
    await quota.reserve({ id: 'short', path, units: { requests: 5 }, lifeMs: 0 });
    await quota.reserve({ id: 'next', path, units: { requests: 1 }, lifeMs: HOUR_MS });
    expect(await quota.settle('short', NOTHING)).toBe(false);
    expect(await spent(tenantId)).toBe(6);
  });

  it('[T40] computes what exists from counts and the reservations since', async () => {
    const { quota, path, tenantId, organisationId } = organisation(106);
    const { tenantId: other } = idsOf(107);
    await quota.setRules(tenantId, [rule('vectors', 'held', 100)]);
    const write = (id: string, vectors: number) => quota.reserve({ id, path, units: { vectors }, lifeMs: HOUR_MS });
    expect(await write('a', 1)).toMatchObject({ kind: 'refused', rule: { resource: 'vectors' } });
    await quota.count([{ tenant: tenantId, units: 90 }], 'vectors', false, await quota.now());
    expect(await write('b', 11)).toMatchObject({ kind: 'refused' });
    expect(await write('c', 6)).toMatchObject({ kind: 'granted', holds: ['vectors'] });
    expect(await write('d', 5)).toMatchObject({ kind: 'refused' });
    // Two of the six existed before.
    await quota.settle('c', { vectors: 4 });
    expect((await quota.describe(tenantId)).held).toMatchObject([{ rule: { limit: 100 }, units: 94 }]);
    expect(await write('e', 6)).toMatchObject({ kind: 'granted' });
    // A count that began before the write ended may have missed it; one that began later includes it.
    const begun = await quota.now();
    const isLater = async (than: number): Promise<boolean> => (await quota.now()) > than;
    await expect.poll(() => isLater(begun)).toBe(true);
    await quota.settle('e', { vectors: 6 });
    await quota.count([{ tenant: tenantId, units: 50 }], 'vectors', false, begun);
    expect((await quota.describe(tenantId)).held).toMatchObject([{ units: 56 }]);
    const settled = await quota.now();
    await expect.poll(() => isLater(settled)).toBe(true);
    await quota.count([{ tenant: tenantId, units: 50 }], 'vectors', false, await quota.now());
    await quota.count([{ tenant: tenantId, units: 7 }], 'vectors', false, begun);
    expect((await quota.describe(tenantId)).held).toMatchObject([{ units: 50 }]);
    // The total of an organisation is unknown until all its tenants have been counted.
    await quota.setRules(organisationId, [rule('vectors', 'held', 60)]);
    expect((await quota.describe(organisationId)).held).toMatchObject([{ units: null }]);
    await quota.count([{ tenant: other, units: 8 }], 'vectors', true, await quota.now());
    expect((await quota.describe(organisationId)).held).toMatchObject([{ units: 58 }]);
    expect(await write('f', 3)).toMatchObject({ kind: 'refused', level: 'organisation' });
  });

  it('[T41] lets use above a soft limit pass and alerts the ledger once a window', async () => {
    const { quota, take, ask, keyId, stub, organisationId } = organisation(108);
    await quota.setRules(keyId, [rule('requests', 'day', 3, { kind: 'soft' })]);
    for (let call = 0; call < 5; call++) expect((await take('isolate', call, ask({ requests: 1 }))).kind).toBe('granted');
    // Below the limit and above it again: no second alert.
    const granted = await take('isolate', 5, ask({ requests: 1 }));
    if (granted.kind !== 'granted') throw new Error('refused');
    await take('isolate', 6, ask(NOTHING, NOTHING, [{ ...granted.slice, units: { requests: 6 } }]));
    for (let call = 7; call < 12; call++) await take('isolate', call, ask({ requests: 1 }));
    await runDurableObjectAlarm(stub).catch(() => undefined);
    await runInDurableObject(BILLING.get(BILLING.idFromName(organisationId)), (_, { storage }) => {
      const rows = storage.sql.exec<{ body: string }>('SELECT body FROM alert_log').toArray();
      expect(rows.map(({ body }) => JSON.parse(body))).toMatchObject([{ kind: 'quota.passed', levelId: keyId, quota: { granted: 4 } }]);
    });
    await runInDurableObject(stub, (_, { storage }) => expect(storage.sql.exec('SELECT 1 FROM alerts').toArray()).toEqual([]));
  });

  it('starts each tenant with the default quota, and forgets erased ones', async () => {
    const { quota, take, ask, tenantId, keyId, projectId, organisationId, spent } = organisation(109);
    expect((await quota.describe(tenantId)).level.rules).toMatchObject([
      { resource: 'requests', window: 'minute' },
      { resource: 'tokens' },
    ]);
    await take('isolate', 0, ask({ requests: 9 }));
    expect(await quota.erase(tenantId, [keyId, projectId])).toBe(0);
    expect(await Promise.all([organisationId, tenantId, keyId].map((id) => spent(id)))).toEqual([9, 0, 0]);
  });

  it('[T59] keeps nothing of an erased tenant, whatever isolates ask for or return later', async () => {
    const { quota, path, take, ask, tenantId, keyId, projectId, organisationId, spent } = organisation(119);
    const count = async () => quota.count([{ tenant: tenantId, units: 3 }], 'vectors', false, await quota.now());
    const hold = (id: string) => quota.reserve({ id, path, units: { vectors: 1 }, lifeMs: HOUR_MS });
    await count();
    expect(await hold('before')).toMatchObject({ kind: 'granted' });
    const granted = await take('isolate', 0, ask({ requests: 9 }));
    if (granted.kind !== 'granted') throw new Error('refused');
    expect(await quota.countLevels([tenantId, keyId, projectId])).toBe(5);
    expect(await quota.erase(tenantId, [keyId, projectId])).toBe(0);
    await take('isolate', 1, ask(NOTHING, NOTHING, [{ ...granted.slice, units: { requests: 4 } }]));
    await take('isolate', 2, ask({ requests: 2 }));
    await quota.setRules(tenantId, []);
    await count();
    expect(await hold('after')).toMatchObject({ kind: 'granted' });
    expect(await quota.countLevels([tenantId, keyId, projectId])).toBe(0);
    // The usage still counts for the organisation.
    expect(await spent(organisationId)).toBe(7);
  });
});
