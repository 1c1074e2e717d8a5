import type { UsageEvent } from '../src/contract/usage-event.ts';
import type { Budget } from '../src/tenancy/billing/budget.ts';
import { thresholdsReached } from '../src/tenancy/billing/budget.ts';
import { monthOf } from '../src/tenancy/billing/month.ts';
import type { Alert } from '../src/tenancy/usage/alert.ts';
import { levelKindOf } from '../src/tenancy/quota/quota-level.ts';
import { amountNano, editionNamed, priceOf } from '../src/tenancy/usage/price-book.ts';
import type { BillingBodies } from './invoice-service.ts';
import type { SqliteBillingRecords } from '../src/tenancy/billing/billing-records.ts';
import type { SqliteUsageLedger } from '../src/tenancy/usage/usage-ledger.ts';

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
      const edition = editionNamed(price);
      return sum + amountNano(quantity, priceOf(edition, meter, accelerator === '' ? null : accelerator));
    }, 0n);
  }
}
