import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { Recorded } from '../../../durable-objects/billing-service.ts';
import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import { SqliteEventIds } from '../../../src/tenancy/usage/event-ids.ts';
import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import type { Dimension, Meter, UsageEvent } from '../../../src/contract/api/meter.ts';
import { DIMENSIONS } from '../../../src/contract/api/meter.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { amountNano, PRICE_BOOK, priceOf } from '../../../src/tenancy/usage/price-book.ts';
import type { UsageLine, UsageQuery } from '../../../src/tenancy/usage/usage-query.ts';
import type { OrganisationId, TenantId } from '../../../src/kernel/ids.ts';
import type { AlertRecord } from '../../../src/tenancy/billing/delivery-store.ts';
import type { Credit, Invoice } from '../../../src/tenancy/billing/invoice.ts';
import type { Month } from '../../../src/tenancy/billing/month.ts';
import { monthOf } from '../../../src/tenancy/billing/month.ts';
import type { Reconciliation } from '../../../src/tenancy/billing/reconciliation.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const { BILLING } = env as unknown as { BILLING: DurableObjectNamespace<BillingObject> };

interface Ledger {
  record(events: readonly UsageEvent[], tallies?: readonly object[]): Promise<Outcome<Recorded>>;
  usage(query: UsageQuery): Promise<Outcome<UsageLine[]>>;
  invoice(organisationId: OrganisationId, month: Month): Promise<Invoice>;
  reconcile(organisationId: OrganisationId, month: Month): Promise<Reconciliation>;
  add(kind: string, body: object, digest: string): Promise<Outcome<object>>;
  setBudget(budget: object): Promise<Outcome<object>>;
  remove(kind: string, id: string): Promise<object | null>;
  eraseTenant(tenant: TenantId, below: readonly string[]): Promise<number>;
  left(tenant: TenantId, below: readonly string[]): Promise<number>;
  lastUsed(ids: readonly string[]): Promise<readonly (number | null)[]>;
  list(kind: string): Promise<readonly Credit[]>;
  alerts(limit: number): Promise<readonly AlertRecord[]>;
}

const stubOf = (name: string) => BILLING.get(BILLING.idFromName(name));
const ledgerOf = (name: string) => stubOf(name) as unknown as Ledger;
const HOUR_MS = 3_600_000;
const nowMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;

const event = (id: string, fields: Partial<UsageEvent> = {}): UsageEvent => ({
  id,
  organisationId: idsOf(1).organisationId,
  tenantId: idsOf(1).tenantId,
  projectId: idsOf(1).projectId,
  meter: 'embedding_tokens',
  quantity: 5,
  model: 'glove',
  route: '/v1/embeddings',
  atMs: nowMs,
  ...fields,
});
const ALL: UsageQuery = { fromMs: nowMs - 48 * HOUR_MS, toMs: nowMs + HOUR_MS, groupBy: [] };
const linesOf = async (ledger: Ledger, query: UsageQuery) => {
  const lines = await ledger.usage(query);
  if (!lines.ok) throw new Error(lines.error.code);
  return lines.value;
};

const total = (lines: readonly { meter: Meter; quantity: number }[], meter: Meter): number =>
  lines.filter((line) => line.meter === meter).reduce((sum, line) => sum + line.quantity, 0);

describe('BillingObject', () => {
  it('[T30] counts an event once, however often it is delivered and with eviction in between', async () => {
    const ledger = ledgerOf('duplicates');
    const batch = [event('a'), event('b'), event('a'), event('c', { meter: 'requests', quantity: 1, model: null })];
    expect(await ledger.record(batch)).toEqual({ ok: true, value: { recorded: 3, duplicates: 1, late: 0 } });
    await evictDurableObject(stubOf('duplicates'));
    expect(await ledger.record([...batch, event('d')])).toEqual({ ok: true, value: { recorded: 1, duplicates: 4, late: 0 } });
    expect(await linesOf(ledger, ALL)).toMatchObject([
      { meter: 'embedding_tokens', quantity: 15, amountNano: 300n },
      { meter: 'requests', quantity: 1, amountNano: 150n },
    ]);
  });

  it('[T30] counts concurrent deliveries of the same events once', async () => {
    const ledger = ledgerOf('concurrent');
    const batch = Array.from({ length: 100 }, (_, position) => event(`e${position}`));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => ledger.record(batch)));
    expect(outcomes.reduce((sum, outcome) => sum + (outcome.ok ? outcome.value.recorded : 0), 0)).toBe(100);
    expect(await linesOf(ledger, ALL)).toMatchObject([{ quantity: 500 }]);
  });

  it('[T33] sums whole hours from the first, inclusive, to the last, exclusive', async () => {
    const ledger = ledgerOf('hours');
    await ledger.record([-2, -1, 0].map((hour) => event(`h${hour}`, { quantity: 10 ** (hour + 2), atMs: nowMs + hour * HOUR_MS })));
    const between = async (from: number, to: number) =>
      total(await linesOf(ledger, { fromMs: nowMs + from * HOUR_MS, toMs: nowMs + to * HOUR_MS, groupBy: [] }), 'embedding_tokens');
    expect([await between(-2, 0), await between(-1, 1), await between(-2, 1), await between(1, 2)]).toEqual([11, 110, 111, 0]);
  });

  it('[T33] [T34] gives the same totals by any grouping', async () => {
    const ledger = ledgerOf('groups');
    const random = new Seeded(33);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
    const meters: Meter[] = ['requests', 'embedding_tokens', 'vector_queries', 'accelerator_ms', 'upstream_nano'];
    const events = Array.from({ length: 2_000 }, (_, position) =>
      event(`e${position}`, {
        tenantId: pick([idsOf(1), idsOf(2)]).tenantId,
        projectId: pick([idsOf(1), idsOf(2), idsOf(3)]).projectId,
        meter: pick(meters),
        quantity: 1 + Math.floor(random.next() * 1e6),
        ...pick([{}, { accelerator: 'h100' }, { accelerator: 'new' }]),
        ...pick([{}, { keyId: idsOf(1).id }]),
        model: pick(['glove', 'minilm', 'openai/gpt-5', null]),
        route: pick(['/a', '/b']),
        atMs: nowMs - Math.floor(random.next() * 47 * HOUR_MS),
      }),
    );
    for (let start = 0; start < events.length; start += TENANCY_LIMITS.usageBatchMaxCount) {
      expect(await ledger.record(events.slice(start, start + TENANCY_LIMITS.usageBatchMaxCount))).toMatchObject({ ok: true });
    }
    const groupings: Dimension[][] = [
      [],
      ...DIMENSIONS.map((dimension) => [dimension]),
      [...DIMENSIONS],
      ['day', 'model'],
      ['tenant', 'project'],
    ];
    for (const groupBy of groupings) {
      const lines = await linesOf(ledger, { ...ALL, groupBy });
      for (const meter of meters) expect(total(lines, meter)).toBe(total(events, meter));
      for (const line of lines) {
        // Lines are always split by accelerator type, because each has its own price.
        expect(Object.keys(line.group).sort()).toEqual(groupBy.filter((dimension) => dimension !== 'accelerator').sort());
        const edition = PRICE_BOOK.find(({ id }) => id === line.priceId);
        const price = edition && priceOf(edition, line.meter, line.accelerator || null);
        expect(line.amountNano).toBe(price && amountNano(line.quantity, price));
      }
    }
    const one = await linesOf(ledger, { ...ALL, tenantId: idsOf(2).tenantId });
    const own = events.filter((item) => item.tenantId === idsOf(2).tenantId);
    for (const meter of meters) expect(total(one, meter)).toBe(total(own, meter));
    const day = { ...ALL, fromMs: nowMs - 24 * HOUR_MS };
    expect(total(await linesOf(ledger, day), 'requests')).toBe(
      total(
        events.filter((item) => item.atMs >= day.fromMs),
        'requests',
      ),
    );
  });

  it('[T78] refuses to add a removed webhook again, and accepts a removed budget', async () => {
    const ledger = ledgerOf('removed');
    const webhook = { id: 'wh_1', url: 'https://127.0.0.1/', secret: 's', createdAtMs: 1 };
    expect(await ledger.add('webhook', webhook, 'd')).toMatchObject({ ok: true });
    expect(await ledger.remove('webhook', 'wh_1')).toEqual(webhook);
    await evictDurableObject(stubOf('removed'));
    expect(await ledger.add('webhook', webhook, 'd')).toMatchObject({ error: { code: 'idempotency_key_spent', spent: { id: 'wh_1' } } });
    expect(await ledger.add('webhook', webhook, 'other')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect(await ledger.add('credit', { ...webhook }, 'd')).toMatchObject({ ok: true });
    expect([await ledger.list('webhook'), await ledger.remove('webhook', 'wh_1')]).toEqual([[], null]);
    const budget = { id: 'bud_1', levelId: 'l', amountNano: 1, thresholds: [], isHard: false };
    for (let times = 0; times < 2; times++) {
      await ledger.setBudget(budget);
      expect(await ledger.remove('budget', 'bud_1')).toEqual(budget);
    }
  });

  it('[T35] counts no event so old that its id may be forgotten, and forgets ids by alarm', async () => {
    const ledger = ledgerOf('late');
    const limitMs = TENANCY_LIMITS.usageLateMaxMs;
    expect(await ledger.record([event('late', { atMs: nowMs - limitMs }), event('new')])).toMatchObject({
      value: { recorded: 1, late: 1 },
    });
    expect(await runDurableObjectAlarm(stubOf('late'))).toBe(true);
    expect(await ledger.record([event('new')])).toMatchObject({ value: { duplicates: 1 } });
    await runInDurableObject(stubOf('late'), (_, { storage }) => {
      const forgetful = new SqliteEventIds(storage);
      forgetful.note([...Array.from({ length: 25 }, (__, position) => ({ id: `old${position}`, atMs: 5 })), { id: 'gone:7', atMs: 5 }], 5);
      expect([forgetful.forget(10, 10), forgetful.forget(10, 10), forgetful.forget(10, 10)]).toEqual([false, false, true]);
      expect(storage.sql.exec('SELECT id FROM seen').toArray()).toEqual([{ id: 'new' }]);
      expect(storage.sql.exec('SELECT source FROM runs').toArray()).toEqual([]);
    });
  });

  it('refuses more than one batch', async () => {
    const events = Array.from({ length: TENANCY_LIMITS.usageBatchMaxCount + 1 }, (_, position) => event(`e${position}`));
    expect(await ledgerOf('large').record(events)).toMatchObject({ error: { code: 'limit_exceeded' } });
  });

  it('[T30] [T42] remembers the numbered ids of a source in one row, in whatever order they arrive', async () => {
    const ledger = ledgerOf('numbered');
    const random = new Seeded(42);
    const ids = Array.from({ length: 2_000 }, (_, number) => `isolate-${number % 3}:${Math.floor(number / 3)}`).sort(
      () => random.next() - 0.5,
    );
    for (let start = 0; start < ids.length; start += 400) {
      const batch = ids.slice(start, start + 400).map((id) => event(id));
      expect(await ledger.record([...batch, batch[0]!])).toMatchObject({ value: { recorded: 400, duplicates: 1 } });
      await evictDurableObject(stubOf('numbered'));
      expect(await ledger.record(batch)).toMatchObject({ value: { recorded: 0, duplicates: 400 } });
    }
    expect(await linesOf(ledger, ALL)).toMatchObject([{ quantity: 10_000 }]);
    await runInDurableObject(stubOf('numbered'), (_, { storage }) => {
      expect(storage.sql.exec('SELECT count(*) AS count FROM runs').one()).toEqual({ count: 3 });
      expect(storage.sql.exec('SELECT count(*) AS count FROM seen').one()).toEqual({ count: 0 });
    });
  });

  it('[T43] [T44] bills a month exactly: usage, plans by the day, credits until they are used up', async () => {
    const ledger = ledgerOf('invoice');
    const { organisationId } = idsOf(1);
    const month = monthOf(nowMs);
    const inMonth = Math.max(month.startMs, nowMs - 3 * HOUR_MS);
    await ledger.record([
      event('a:0', { quantity: 7, atMs: inMonth }),
      event('a:1', { quantity: 1_000_000, atMs: inMonth, model: 'other' }),
      event('a:2', { meter: 'accelerator_ms', quantity: 1, accelerator: 'h100', model: null, atMs: inMonth }),
      event('a:3', { meter: 'accelerator_ms', quantity: 3_600_000, model: null, atMs: inMonth }),
    ]);
    await ledger.add('charge', { id: 'ch_1', description: 'Plan', monthlyNano: 31n, fromMs: month.startMs, toMs: null }, 'd');
    const credit = { id: 'cr_1', description: 'Sorry', amountNano: 2_000_000_000n, appliedNano: 0n, createdAtMs: 0, expiresAtMs: null };
    expect(await ledger.add('credit', credit, 'd')).toEqual({ ok: true, value: credit });
    expect(await ledger.add('credit', { ...credit, amountNano: 5n }, 'd')).toEqual({ ok: true, value: credit });
    expect(await ledger.add('credit', credit, 'other')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    const invoice = await ledger.invoice(organisationId, month);
    expect(invoice.usage.map(({ meter, model, accelerator, amountNano: nano }) => [meter, model, accelerator, nano])).toEqual([
      ['accelerator_ms', '', '', 2_500_000_000n],
      ['accelerator_ms', '', 'h100', 806n],
      ['embedding_tokens', 'glove', '', 140n],
      ['embedding_tokens', 'other', '', 20_000_000n],
    ]);
    expect(invoice).toMatchObject({ state: 'draft', subtotalNano: 2_520_000_977n, totalNano: 520_000_977n });
    expect(invoice.credits).toMatchObject([{ amountNano: 2_000_000_000n }]);
    expect(await ledger.reconcile(organisationId, month)).toMatchObject({ isExact: true, events: 4, linesNano: 2_520_000_977n });
    // A difference between the two sides is reported.
    await runInDurableObject(
      stubOf('invoice'),
      (_, { storage }) => void storage.sql.exec(`UPDATE rollups SET quantity = quantity + 1 WHERE model = 'glove'`),
    );
    expect(await ledger.reconcile(organisationId, month)).toMatchObject({ isExact: false });
  });

  it('[T45] closes a month after its grace period, deducts credits, and books later usage in the next', async () => {
    const ledger = ledgerOf('closing');
    const { organisationId } = idsOf(1);
    const [now, last] = [monthOf(Date.now()), monthOf(monthOf(Date.now()).startMs - 1)];
    const isOver = Date.now() > last.endMs + TENANCY_LIMITS.invoiceGraceMs;
    await ledger.add(
      'credit',
      { id: 'cr_1', description: 'c', amountNano: 50n, appliedNano: 0n, createdAtMs: last.startMs, expiresAtMs: null },
      'd',
    );
    await ledger.record([event('a:0', { quantity: 5, atMs: last.endMs - HOUR_MS })]);
    await runDurableObjectAlarm(stubOf('closing'));
    const invoice = await ledger.invoice(organisationId, last);
    expect(invoice).toMatchObject({ state: isOver ? 'final' : 'draft', subtotalNano: 100n, totalNano: 50n });
    expect(await ledger.list('credit')).toMatchObject([{ appliedNano: isOver ? 50n : 0n }]);
    await ledger.record([event('a:1', { quantity: 2, atMs: last.endMs - HOUR_MS })]);
    if (!isOver) return;
    expect(await ledger.invoice(organisationId, last)).toEqual(invoice);
    expect(await ledger.invoice(organisationId, now)).toMatchObject({ state: 'draft', subtotalNano: 40n, totalNano: 40n });
    expect(await ledger.reconcile(organisationId, now)).toMatchObject({ isExact: true, events: 1 });
  });

  it('[T74] keeps only the usage of an erased tenant, whatever is reported later', async () => {
    const ledger = ledgerOf('erasures');
    const { tenantId, projectId, id: keyId } = idsOf(1);
    const neighbour = idsOf(2);
    const tallyOf = (id: string, of: TenantId) => {
      const held = { entries: 1, bytes: 9 };
      return { id, tenantId: of, cache: 'embeddings', model: 'glove', isolateId: 'isolate', atMs: nowMs, counts: { memory: 1 }, held };
    };
    const budget = { amountNano: 1_000, thresholds: [1], isHard: false };
    const tell = (at: string) =>
      ledger.record(
        [event(`${at}:1`, { keyId }), event(`${at}:2`, { keyId: neighbour.id, tenantId: neighbour.tenantId })],
        [tallyOf(`${at}:3`, tenantId), tallyOf(`${at}:4`, neighbour.tenantId)],
      );
    await tell('before');
    for (const levelId of [tenantId, projectId]) await ledger.setBudget({ ...budget, id: levelId, levelId });
    await ledger.setBudget({ ...budget, id: 'other', levelId: neighbour.tenantId });
    // Two budgets, a counter and its held amount, and a key.
    expect(await ledger.left(tenantId, [projectId, keyId])).toBe(5);
    expect(await ledger.eraseTenant(tenantId, [projectId, keyId])).toBe(0);
    await evictDurableObject(stubOf('erasures'));
    await tell('after');
    expect(await ledger.setBudget({ ...budget, id: projectId, levelId: projectId })).toMatchObject({ error: { code: 'tenant_suspended' } });
    expect(await ledger.left(tenantId, [projectId, keyId])).toBe(0);
    expect(await ledger.lastUsed([keyId, neighbour.id])).toEqual([null, nowMs]);
    expect(await ledger.left(neighbour.tenantId, [neighbour.id])).toBe(4);
    expect((await linesOf(ledger, { ...ALL, groupBy: ['tenant'] })).map(({ quantity }) => quantity)).toEqual([10, 10]);
  });

  it('[T46] raises an alert for each threshold of a budget once a month, at its level', async () => {
    const ledger = ledgerOf('budgets');
    const { tenantId, organisationId } = idsOf(1);
    const budget = { id: 'b', amountNano: 1_000, thresholds: [50, 100], isHard: false };
    await ledger.setBudget({ ...budget, levelId: tenantId });
    await ledger.setBudget({ ...budget, id: 'other', levelId: idsOf(2).tenantId });
    await ledger.record([event('a:0', { quantity: 24 })]);
    expect(await ledger.alerts(10)).toEqual([]);
    await ledger.record([event('a:1', { quantity: 1 })]);
    await ledger.record([event('a:2', { quantity: 24 })]);
    expect((await ledger.alerts(10)).map(({ alert }) => alert)).toMatchObject([
      { kind: 'budget.threshold', percent: 50, levelId: tenantId },
    ]);
    await ledger.record([event('a:3', { quantity: 9, organisationId })]);
    expect((await ledger.alerts(10)).map(({ alert }) => 'percent' in alert && alert.percent)).toEqual([100, 50]);
  });
});
