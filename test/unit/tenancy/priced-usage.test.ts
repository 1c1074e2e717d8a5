import { describe, expect, it } from 'vitest';

import type { UsageEvent } from '../../../src/contract/api/meter.ts';
import type { FundRequest } from '../../../src/contract/jobs/job-funds.ts';
import { migrate } from '../../../src/kernel/sql/migrate.ts';
import { BILLING_MIGRATIONS, openBillingDatabase } from '../../../src/tenancy/billing/billing-schema.ts';
import type { BillingBodies } from '../../../src/tenancy/billing/invoice-service.ts';
import { BudgetWatch, InvoiceService } from '../../../src/tenancy/billing/invoice-service.ts';
import { SqliteBillingRecords } from '../../../src/tenancy/billing/billing-records.ts';
import { monthNamed } from '../../../src/tenancy/billing/month.ts';
import { reconcile } from '../../../src/tenancy/billing/reconciliation.ts';
import { amountsOf } from '../../../src/tenancy/quota/amounts.ts';
import { editionAt } from '../../../src/tenancy/usage/price-book.ts';
import { SqliteUsageLedger } from '../../../src/tenancy/usage/usage-ledger.ts';
import { priced } from '../../../src/tenancy/usage/usage-query.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { hardRule, Quotas } from '../../support/worlds/quotas.ts';

const { organisationId, tenantId, projectId } = idsOf(1);
const NOVEMBER = monthNamed('2026-11');
const AT_MS = NOVEMBER.startMs + 36_000_000;
const HOUR_MS = 3_600_000;
const CHEAP = 'pool_0000000001/spot/h100@0.900000001';

const event = (id: string, quantity: number, priceId?: string, atMs = AT_MS): UsageEvent => ({
  id,
  organisationId,
  tenantId,
  projectId,
  meter: 'accelerator_ms',
  quantity,
  model: null,
  accelerator: 'h100',
  route: '/v1/jobs',
  atMs,
  ...(priceId === undefined ? {} : { priceId }),
});

describe('[T130] usage at stated prices', () => {
  it('is summed by price, on usage and invoices, and its budget counts the same', () => {
    const storage = new NodeSql();
    openBillingDatabase(storage);
    const ledger = new SqliteUsageLedger(storage);
    const records = new SqliteBillingRecords<BillingBodies>(storage);
    const events = [event('a', 1_800_000, CHEAP), event('b', 1_800_001, CHEAP, AT_MS + HOUR_MS), event('c', HOUR_MS)];
    ledger.record(events, AT_MS);
    const expected = [
      ['2026-01-01', HOUR_MS, 2_900_000_000n],
      // Rounded once: 900000001 and a quarter of a nano-dollar.
      [CHEAP, HOUR_MS + 1, 900_000_251n],
    ];
    const lines = priced(ledger.sums({ fromMs: 0, toMs: AT_MS * 2, groupBy: ['tenant'] }, 10));
    expect(lines.map(({ priceId, quantity, amountNano }) => [priceId, quantity, amountNano])).toEqual(expected);
    const invoice = new InvoiceService(ledger, records).invoice(organisationId, NOVEMBER);
    expect(invoice.usage.map(({ priceId, quantity, amountNano }) => [priceId, quantity, amountNano])).toEqual(expected);
    expect(invoice.totalNano).toBe(3_800_000_251n);
    expect(reconcile(ledger.controlTotals(NOVEMBER.startMs), invoice)).toMatchObject({ isExact: true, events: 3 });
    records.put('budget', { id: 'bg_1', levelId: tenantId, amountNano: 3_800_000_251n, thresholds: [100], isHard: false } as never);
    expect(new BudgetWatch(ledger, records).passedBy(events, AT_MS)).toHaveLength(1);
    records.put('budget', { id: 'bg_1', levelId: tenantId, amountNano: 3_800_000_252n, thresholds: [100], isHard: false } as never);
    expect(new BudgetWatch(ledger, records).passedBy(events, AT_MS)).toEqual([]);
  });

  it('joins a ledger that was stored before, whose lines stay what they were', () => {
    const storage = new NodeSql();
    migrate(storage, BILLING_MIGRATIONS.slice(0, -1));
    const row = `'${tenantId}', '${projectId}', '', 'accelerator_ms', '', '/v1/jobs', 'h100'`;
    storage.sql.exec(`INSERT INTO rollups VALUES (${AT_MS / HOUR_MS}, ${row}, ${HOUR_MS}, 4)`);
    storage.sql.exec(
      `INSERT INTO totals VALUES (${NOVEMBER.startMs}, '2026-01-01', '${tenantId}', '${projectId}', 'accelerator_ms', 'h100', ${HOUR_MS}, 4)`,
    );
    openBillingDatabase(storage);
    const ledger = new SqliteUsageLedger(storage);
    // As delivered by a scheduler of before, and by one of now.
    ledger.record([event('a', 60_000), event('b', 60_000, CHEAP)], AT_MS);
    const invoice = new InvoiceService(ledger, new SqliteBillingRecords<BillingBodies>(storage)).invoice(organisationId, NOVEMBER);
    expect(invoice.usage.map(({ priceId, quantity, events }) => [priceId, quantity, events])).toEqual([
      ['2026-01-01', HOUR_MS + 60_000, 5],
      [CHEAP, 60_000, 1],
    ]);
    expect(reconcile(ledger.controlTotals(NOVEMBER.startMs), invoice).isExact).toBe(true);
  });
});

describe('[T131] a grant at a stated price', () => {
  const request = (fields: Partial<FundRequest>): FundRequest => ({
    id: 'g',
    organisationId,
    tenantId,
    projectId,
    meter: 'accelerator_ms',
    accelerator: 'h100',
    priceId: CHEAP,
    want: HOUR_MS,
    least: 1,
    enough: 1,
    costMaxNano: null,
    had: {},
    besideId: null,
    ...fields,
  });

  it('debits what it costs, and its settlement returns the rest at the same price', () => {
    const quotas = new Quotas(() => AT_MS);
    quotas.setRules(tenantId, [hardRule('spend_nano', 4_000_000_000)]);
    expect(quotas.fund({ settled: [], asked: [request({ toEnd: HOUR_MS })] })).toMatchObject([{ units: HOUR_MS }]);
    expect(quotas.taken(tenantId, 'spend_nano')).toBe(900_000_001);
    quotas.fund({ settled: [{ id: 'g', meter: 'accelerator_ms', accelerator: 'h100', priceId: CHEAP, used: 1_800_000 }], asked: [] });
    expect(quotas.taken(tenantId, 'spend_nano')).toBe(450_000_001);
    // Of before prices were stated: by the price book.
    expect(quotas.fund({ settled: [], asked: [request({ id: 'old', priceId: undefined as never, toEnd: HOUR_MS })] })).toHaveLength(1);
    expect(quotas.taken(tenantId, 'spend_nano')).toBe(450_000_001 + 2_900_000_000);
    expect(amountsOf({ accelerator_ms: HOUR_MS }, editionAt(AT_MS), { accelerator: 'h100', priceId: CHEAP })).toEqual({
      accelerator_ms: HOUR_MS,
      'accelerator_ms:h100': HOUR_MS,
      spend_nano: 900_000_001,
    });
  });

  it('is within what the job may cost, with what it had at other prices and types', () => {
    const quotas = new Quotas(() => AT_MS);
    const hadTime = [
      { accelerator: 'l4', priceId: null, acceleratorMs: HOUR_MS },
      { accelerator: 'h100', priceId: CHEAP, acceleratorMs: 1_800_000 },
    ];
    const ask = (costMaxNano: number) =>
      quotas.fund({ settled: [], asked: [request({ id: String(costMaxNano), hadTime, costMaxNano })] })[0];
    expect(ask(800_000_000 + 900_000_001)).toMatchObject({ kind: 'granted', units: 1_800_000 });
    expect(ask(800_000_000 + 450_000_001)).toMatchObject({ kind: 'refused', refusedTo: 'job' });
    // As stored before: all that it had was of the type that it asks for.
    const old = request({ id: 'old', hadTime: undefined as never, priceId: undefined as never, had: { accelerator_ms: 1_800_000 } });
    expect(quotas.fund({ settled: [], asked: [{ ...old, costMaxNano: 2_900_000_000 }] })).toMatchObject([{ units: 1_800_000 }]);
  });
});
