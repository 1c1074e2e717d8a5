import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { PoolSettings, StatedPrice } from '../../../src/contract/pools/pool-record.ts';
import { DEFAULT_SETTINGS } from '../../../src/contract/pools/pool-record.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { JobId, PoolId } from '../../../src/kernel/ids.ts';
import type { JobCost } from '../../../src/gateway/jobs/job-cost.ts';
import { jobCostOf } from '../../../src/gateway/jobs/job-cost.ts';
import type { PlannedJob } from '../../../src/gateway/jobs/plan-cost.ts';
import { planCostOf } from '../../../src/gateway/jobs/plan-cost.ts';
import type { JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { ANY_NODE } from '../../../src/scheduler/served/jobs/job.ts';
import { SqliteBillingRecords } from '../../../src/tenancy/billing/billing-records.ts';
import { openBillingDatabase } from '../../../src/tenancy/billing/billing-schema.ts';
import type { Invoice } from '../../../src/tenancy/billing/invoice.ts';
import { InvoiceService } from '../../../src/tenancy/billing/invoice-service.ts';
import { monthOf } from '../../../src/tenancy/billing/month.ts';
import { SqliteUsageLedger } from '../../../src/tenancy/usage/usage-ledger.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { jobRequest } from '../fixtures/job-request.ts';
import { hardRule, Quotas } from './quotas.ts';
import { ServedCell } from './served-cell.ts';

const { organisationId, tenantId } = jobRequest(0);
const RUNNING = { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } } as const;
const DONE = { kind: 'completed', progress: { completed: 0, failed: 0, total: 0 }, tokens: 0 } as const;
const MAY = Date.UTC(2026, 4, 10);

/** A job of one accelerator, on any market, which says how fast it is there: 1000 is its unit of work an hour. */
export const onOne = (accelerator: string | null, throughputHintMilli = 1_000): JobRequest['options'][number] => ({
  ...ANY_NODE,
  accelerator,
  perNode: accelerator === null ? ANY_NODE.perNode : { cpuMilli: 100, memoryMib: 64, acceleratorCount: 1, milliEach: 1_000 },
  throughputHintMilli,
});

export const statedPrice = (costNanoDollarsPerHour: number, price: Partial<StatedPrice> = {}): StatedPrice => ({
  accelerator: null,
  fromMs: 0,
  untilMs: null,
  costNanoDollarsPerHour,
  marginPerMille: 0,
  ...price,
});

/** A cell whose pools state prices, the quotas that pay for its jobs, and the ledger that bills them: each as in production, in one process. */
export class PricedPools {
  readonly world = new ServedCell([]);
  readonly quotas = new Quotas(() => this.world.nowMs);
  readonly #ledger: SqliteUsageLedger;
  readonly #invoices: InvoiceService;
  #pools = 0;

  constructor() {
    this.world.nowMs = MAY;
    this.world.quotas = this.quotas.fund;
    this.quotas.setRules(tenantId, [hardRule('spend_nano', Number.MAX_SAFE_INTEGER)]);
    const storage = new NodeSql();
    openBillingDatabase(storage);
    this.#ledger = new SqliteUsageLedger(storage);
    this.#invoices = new InvoiceService(this.#ledger, new SqliteBillingRecords(storage));
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  /** A pool of one node of a type. */
  addPool(accelerator: string | null, settings: Partial<PoolSettings> = {}, prices: readonly StatedPrice[] = []): PoolId {
    const id = `pool_${String((this.#pools += 1)).padStart(10, '0')}` as PoolId;
    const pool = { id, name: id, owner: 'team', createdAtMs: this.nowMs, settings: { ...DEFAULT_SETTINGS, ...settings } };
    this.world.cell.addPool(pool, prices);
    const capacity = { accelerator, acceleratorCount: accelerator === null ? 0 : 1, cpuMilli: 8_000, memoryMib: 8_192 };
    this.world.join(1, id, { capacity });
    return id;
  }

  setPrice(poolId: PoolId, price: StatedPrice): void {
    must(this.world.cell.operations.setPrice(poolId, price).ok, 'a price that is accepted');
  }

  /** The price that a pool shows as in force for a type. */
  shown(poolId: PoolId, accelerator: string | null) {
    const prices = this.world.cell.operations.prices(poolId);
    return must(prices.ok ? prices.value.find((price) => price.isInForce && price.accelerator === accelerator) : undefined, 'a price');
  }

  plan(request: JobRequest): PlannedJob {
    const plan = this.world.cell.plan(request);
    if (!plan.ok) throw new Error(plan.error.message);
    return { plan: plan.value, cost: planCostOf(request, plan.value) };
  }

  /** Submits a job: the pool that it is started in. */
  start(n: number, request: Partial<JobRequest>): PoolId {
    return must(this.tryToStart(n, request), 'it has started');
  }

  /** The same for one that may find no room: then it is cancelled. */
  tryToStart(n: number, request: Partial<JobRequest>): PoolId | undefined {
    const id = this.world.submit(n, { tokensMax: 0, ...request });
    const { attempt, fence } = this.world.job(id);
    if (attempt === null) this.world.cell.act(tenantId, id, { kind: 'cancel' });
    else this.world.report(id, fence, RUNNING, attempt.poolId);
    return attempt?.poolId;
  }

  /** Time passes, and what comes by itself happens when it is due. */
  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.world.nowMs = Math.min(
        endMs,
        Math.max(this.nowMs + 1, Math.min(this.world.cell.nextDueMs(), this.nowMs + JOB_LIMITS.poolLeaseMs / 2)),
      );
      this.world.wake();
      for (const id of this.world.nodes.keys()) this.world.exchange(id);
    }
  }

  end(id: JobId): void {
    const { attempt, fence } = this.world.job(id);
    this.world.report(id, fence, DONE, must(attempt, 'it runs').poolId);
    this.world.fund();
  }

  cost(id: JobId): JobCost {
    return jobCostOf(this.world.job(id), this.world.cell.history.segments(id, 100));
  }

  /** What was charged so far, as the ledger of the organisation has it. */
  ledger(): { readonly ledger: SqliteUsageLedger; readonly invoice: Invoice } {
    this.#ledger.record(this.world.charges, this.nowMs);
    return { ledger: this.#ledger, invoice: this.#invoices.invoice(organisationId, monthOf(this.nowMs)) };
  }

  /** What quotas and budgets have been debited this month. */
  get debitedNano(): number {
    return this.quotas.taken(tenantId, 'spend_nano');
  }
}
