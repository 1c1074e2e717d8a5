import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import type { BillingObject, Recorded } from '../../../durable-objects/billing-object.ts';
import { SqliteUsageLedger } from '../../../durable-objects/sqlite/usage-ledger.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Meter } from '../../../src/contract/meter.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { UsageEvent } from '../../../src/contract/usage-event.ts';
import { DIMENSIONS } from '../../../src/contract/usage-dimension.ts';
import type { Dimension } from '../../../src/contract/usage-dimension.ts';
import { amountNano, PRICE_BOOK } from '../../../src/tenancy/usage/price-book.ts';
import type { UsageLine, UsageQuery } from '../../../src/tenancy/usage/usage-query.ts';
import { Seeded } from '../../support/seeded.ts';
import { idsOf } from '../../support/tenancy.ts';

const { BILLING } = env as unknown as { BILLING: DurableObjectNamespace<BillingObject> };

interface Ledger {
  record(events: readonly UsageEvent[]): Promise<Outcome<Recorded>>;
  usage(query: UsageQuery): Promise<Outcome<UsageLine[]>>;
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

  it('[T33] sums whole hours, the first included and the last not', async () => {
    const ledger = ledgerOf('hours');
    await ledger.record([-2, -1, 0].map((hour) => event(`h${hour}`, { quantity: 10 ** (hour + 2), atMs: nowMs + hour * HOUR_MS })));
    const between = async (from: number, to: number) =>
      total(await linesOf(ledger, { fromMs: nowMs + from * HOUR_MS, toMs: nowMs + to * HOUR_MS, groupBy: [] }), 'embedding_tokens');
    expect([await between(-2, 0), await between(-1, 1), await between(-2, 1), await between(1, 2)]).toEqual([11, 110, 111, 0]);
  });

  it('[T33] [T34] gives the same totals whatever usage is grouped by', async () => {
    const ledger = ledgerOf('groups');
    const random = new Seeded(33);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
    const meters: Meter[] = ['requests', 'embedding_tokens', 'vector_queries', 'accelerator_ms'];
    const events = Array.from({ length: 2_000 }, (_, position) =>
      event(`e${position}`, {
        tenantId: pick([idsOf(1), idsOf(2)]).tenantId,
        projectId: pick([idsOf(1), idsOf(2), idsOf(3)]).projectId,
        meter: pick(meters),
        quantity: 1 + Math.floor(random.next() * 1e6),
        model: pick(['glove', 'minilm', null]),
        route: pick(['/a', '/b']),
        atMs: nowMs - Math.floor(random.next() * 47 * HOUR_MS),
      }),
    );
    for (let start = 0; start < events.length; start += LIMITS.usageBatchMaxCount) {
      expect(await ledger.record(events.slice(start, start + LIMITS.usageBatchMaxCount))).toMatchObject({ ok: true });
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
        expect(Object.keys(line.group).sort()).toEqual([...groupBy].sort());
        const price = PRICE_BOOK.find((edition) => edition.id === line.priceId)?.prices[line.meter];
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

  it('[T35] counts nothing whose id may have been forgotten, and forgets by alarm', async () => {
    const ledger = ledgerOf('late');
    const limitMs = LIMITS.usageLateMaxMs;
    expect(await ledger.record([event('late', { atMs: nowMs - limitMs }), event('new')])).toMatchObject({
      value: { recorded: 1, late: 1 },
    });
    expect(await runDurableObjectAlarm(stubOf('late'))).toBe(true);
    expect(await ledger.record([event('new')])).toMatchObject({ value: { duplicates: 1 } });
    await runInDurableObject(stubOf('late'), (_, { storage }) => {
      const forgetful = new SqliteUsageLedger(storage);
      forgetful.record(Array.from({ length: 25 }, (__, position) => event(`old${position}`, { atMs: 5 })));
      expect([forgetful.forget(10, 10), forgetful.forget(10, 10), forgetful.forget(10, 10)]).toEqual([false, false, true]);
      expect(storage.sql.exec('SELECT id FROM seen').toArray()).toEqual([{ id: 'new' }]);
    });
  });

  it('refuses more than one batch', async () => {
    const events = Array.from({ length: LIMITS.usageBatchMaxCount + 1 }, (_, position) => event(`e${position}`));
    expect(await ledgerOf('large').record(events)).toMatchObject({ error: { code: 'limit_exceeded' } });
  });
});
