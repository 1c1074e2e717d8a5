import { LIMITS } from '../src/contract/limits.ts';
import type { UsageEvent } from '../src/contract/usage-event.ts';
import { must } from '../src/kernel/assert.ts';
import type { OrganisationId, TenantId } from '../src/kernel/ids.ts';
import { organisationOf } from '../src/tenancy/resource-ids.ts';
import type { Budget } from '../src/tenancy/billing/budget.ts';
import type { Credit } from '../src/tenancy/billing/credit.ts';
import type { FixedCharge } from '../src/tenancy/billing/fixed-charge.ts';
import type { Invoice } from '../src/tenancy/billing/invoice.ts';
import { draftInvoice, usageCharges } from '../src/tenancy/billing/invoice.ts';
import type { Month } from '../src/tenancy/billing/month.ts';
import { monthOf } from '../src/tenancy/billing/month.ts';
import type { Webhook } from '../src/tenancy/billing/webhook.ts';
import { PRICE_BOOK } from '../src/tenancy/usage/price-book.ts';
import { editionSpans } from '../src/tenancy/usage/usage-query.ts';
import type { SqliteBillingRecords } from '../src/tenancy/billing/billing-records.ts';
import type { SqliteUsageLedger } from '../src/tenancy/usage/usage-ledger.ts';

/** The records of an organisation's ledger, by kind. The id of a final invoice is its month. */
export interface BillingBodies extends Record<string, { readonly id: string }> {
  budget: Budget;
  credit: Credit;
  charge: FixedCharge;
  webhook: Webhook;
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
    const usage = editionSpans({ fromMs: month.startMs, toMs: month.endMs, groupBy: [] }, PRICE_BOOK).flatMap(({ edition, fromMs, toMs }) =>
      usageCharges(this.#ledger.monthlyUses(fromMs, toMs), edition),
    );
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
      if (month.endMs + LIMITS.invoiceGraceMs > nowMs || this.#records.find('final', month.name) !== undefined) continue;
      this.#closeMonth(month);
    }
  }

  #closeMonth(month: Month): void {
    const [total] = this.#ledger.controlTotals(month.startMs);
    const organisationId = organisationOf(must(total, 'a month with usage').tenant as TenantId);
    const invoice = { ...this.invoice(organisationId, month), state: 'final' as const };
    this.#records.put('final', { id: month.name, invoice });
    for (const { creditId, amountNano } of invoice.credits) {
      const credit = this.#records.find('credit', creditId);
      if (credit !== undefined) this.#records.put('credit', { ...credit, appliedNano: credit.appliedNano + amountNano });
    }
  }
}
