import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { UsageEvent } from '../../contract/api/meter.ts';
import { must } from '../../kernel/assert.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { levelKindOf } from '../quota/quota-level.ts';
import { organisationOf } from '../resource-ids.ts';
import { amountNano, priceNamed } from '../usage/price-book.ts';
import type { SqliteUsageLedger } from '../usage/usage-ledger.ts';
import type { SqliteBillingRecords } from './billing-records.ts';
import type { Alert, Budget } from './budget.ts';
import { thresholdsReached } from './budget.ts';
import type { Credit, FixedCharge, Invoice } from './invoice.ts';
import { draftInvoice, usageCharges } from './invoice.ts';
import type { Month } from './month.ts';
import { monthOf } from './month.ts';
import type { Webhook } from './webhook.ts';

/** What people lay down about an organisation's money, by kind. */
export interface BillingRecords {
  budget: Budget;
  credit: Credit;
  charge: FixedCharge;
  webhook: Webhook;
}

/** All records of an organisation's ledger. The id of a final invoice is its month. */
export interface BillingBodies extends BillingRecords, Record<string, { readonly id: string }> {
  final: { readonly id: string; readonly invoice: Invoice };
}

/** Draws up invoices, and closes them once a month is over and its late usage has come in. */
export class InvoiceService {
  readonly #ledger: SqliteUsageLedger;
  readonly #records: SqliteBillingRecords<BillingBodies>;

  constructor(ledger: SqliteUsageLedger, records: SqliteBillingRecords<BillingBodies>) {
    this.#ledger = ledger;
    this.#records = records;
  }

  /** The final invoice of a month, or what it would be by now. */
  invoice(organisationId: OrganisationId, month: Month): Invoice {
    const final = this.#records.find('final', month.name);
    if (final !== undefined) return final.invoice;
    const usage = usageCharges(this.#ledger.monthlyUses(month.startMs, month.endMs));
    return draftInvoice({ organisationId, month, usage, charges: this.#records.all('charge'), credits: this.#records.all('credit') });
  }

  /** Events of a month whose invoice is final are booked now: they are used, and will be on the next invoice. */
  timed(events: readonly UsageEvent[], nowMs: number): readonly UsageEvent[] {
    const months = [...new Set(events.map(({ atMs }) => monthOf(atMs).name))];
    const closed = new Set(months.filter((name) => this.#records.find('final', name) !== undefined));
    return closed.size === 0 ? events : events.map((event) => (closed.has(monthOf(event.atMs).name) ? { ...event, atMs: nowMs } : event));
  }

  /** Makes the invoices final whose months ended `invoiceGraceMs` ago; what they take of credits is taken. */
  close(nowMs: number): void {
    for (const startMs of this.#ledger.months()) {
      const month = monthOf(startMs);
      if (month.endMs + TENANCY_LIMITS.invoiceGraceMs > nowMs || this.#records.find('final', month.name) !== undefined) continue;
      this.#closeMonth(month);
    }
  }

  #closeMonth(month: Month): void {
    const [total] = this.#ledger.controlTotals(month.startMs);
    const organisationId = organisationOf(must(total, 'a month with usage').tenant as TenantId);
    const invoice = { ...this.invoice(organisationId, month), state: 'final' as const };
    this.#records.put('final', { id: month.name, invoice });
    for (const { creditId, amountNano: takenNano } of invoice.credits) {
      const credit = this.#records.find('credit', creditId);
      if (credit !== undefined) this.#records.put('credit', { ...credit, appliedNano: credit.appliedNano + takenNano });
    }
  }
}

/** Looks after budgets as usage comes in. */
export class BudgetWatch {
  readonly #ledger: SqliteUsageLedger;
  readonly #records: SqliteBillingRecords<BillingBodies>;

  constructor(ledger: SqliteUsageLedger, records: SqliteBillingRecords<BillingBodies>) {
    this.#ledger = ledger;
    this.#records = records;
  }

  /** The thresholds that budgets have reached with these events, which have been recorded; those reached before are among them. */
  passedBy(events: readonly UsageEvent[], nowMs: number): Alert[] {
    if (events.length === 0) return [];
    const touched = new Set(events.flatMap(({ organisationId, tenantId, projectId }) => [organisationId, tenantId, projectId] as string[]));
    const months = [...new Set(events.map(({ atMs }) => monthOf(atMs).startMs))];
    return this.#records
      .all('budget')
      .filter(({ levelId }) => touched.has(levelId))
      .flatMap((budget) => months.flatMap((month) => thresholdsReached(budget, this.#spentNano(budget, month), month, nowMs)));
  }

  #spentNano({ levelId }: Budget, monthStartMs: number): bigint {
    const kind = levelKindOf(levelId);
    const totals = this.#ledger.monthTotals(
      monthStartMs,
      kind === 'tenant' ? { tenant: levelId } : kind === 'project' ? { project: levelId } : {},
    );
    return totals.reduce((sum, { price, meter, accelerator, quantity }) => {
      return sum + amountNano(quantity, priceNamed(price, meter, accelerator === '' ? null : accelerator));
    }, 0n);
  }
}
