import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import type { UsageEvent } from '../src/contract/api/meter.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { KeyId, ProjectId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Alert, Budget } from '../src/tenancy/billing/budget.ts';
import { ERASED_TENANT } from '../src/contract/tenancy/write-lease.ts';
import type { BillingBodies } from '../src/tenancy/billing/invoice-service.ts';
import { BudgetWatch, InvoiceService } from '../src/tenancy/billing/invoice-service.ts';
import { SqliteBillingRecords } from '../src/tenancy/billing/billing-records.ts';
import { openBillingDatabase } from '../src/tenancy/billing/billing-schema.ts';
import { SqliteErasedIds } from '../src/tenancy/erased-ids.ts';
import { SqliteDeliveryStore } from '../src/tenancy/billing/delivery-store.ts';
import { SqliteKeyUses } from '../src/tenancy/usage/key-uses.ts';
import { ReportedTallies } from '../src/tenancy/usage/reported-tallies.ts';
import type { Tally } from '../src/tenancy/usage/usage-buffer.ts';
import { SqliteUsageLedger } from '../src/tenancy/usage/usage-ledger.ts';
import { WebhookDispatcher } from './webhook-dispatcher.ts';

/** How often ids that can no longer arrive are forgotten, and how many one alarm takes. */
const SWEEP_MS = 3_600_000;
const SWEEP_MAX_COUNT = 10_000;

export interface Recorded {
  readonly recorded: number;
  readonly duplicates: number;
  /** Older than ids are remembered: not counted, since they may have been before. */
  readonly late: number;
}

/** The transactions of the ledger of one organisation, and its work by alarm. */
export class BillingService {
  readonly ledger: SqliteUsageLedger;
  readonly records: SqliteBillingRecords<BillingBodies>;
  readonly deliveries: SqliteDeliveryStore;
  readonly invoices: InvoiceService;
  readonly tallies: ReportedTallies;
  readonly #uses: SqliteKeyUses;
  readonly #erased: SqliteErasedIds;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    openBillingDatabase(storage);
    this.#storage = storage;
    this.ledger = new SqliteUsageLedger(storage);
    this.records = new SqliteBillingRecords<BillingBodies>(storage);
    this.deliveries = new SqliteDeliveryStore(storage);
    this.invoices = new InvoiceService(this.ledger, this.records);
    this.tallies = new ReportedTallies(storage);
    this.#uses = new SqliteKeyUses(storage);
    this.#erased = new SqliteErasedIds(storage);
  }

  record(events: readonly UsageEvent[], tallies: readonly Tally[], nowMs: number): Recorded {
    const inTime = events.filter((event) => event.atMs > nowMs - TENANCY_LIMITS.usageLateMaxMs);
    const erased = this.#erased.among([...new Set([...events, ...tallies].map(({ tenantId }) => tenantId))]);
    const isKept = ({ tenantId }: { readonly tenantId: TenantId }): boolean => !erased.has(tenantId);
    const recorded = this.#storage.transactionSync(() => {
      const counted = this.ledger.record(this.invoices.timed(inTime, nowMs), nowMs);
      this.#uses.note(inTime.filter(isKept));
      this.#raise(new BudgetWatch(this.ledger, this.records).passedBy(counted, nowMs), nowMs);
      return counted.length;
    });
    const lasting = tallies.filter((tally) => isKept(tally) && tally.atMs > nowMs - TENANCY_LIMITS.usageLateMaxMs);
    if (lasting.length > 0) this.#storage.transactionSync(() => this.tallies.record(lasting, nowMs));
    return { recorded, duplicates: inTime.length - recorded, late: events.length - inTime.length };
  }

  raise(alerts: readonly Alert[], nowMs: number): number {
    return this.#storage.transactionSync(() => this.#raise(alerts, nowMs));
  }

  lastUsed(ids: readonly KeyId[]): (number | null)[] {
    return this.#uses.last(ids);
  }

  /** Refuses the budget of a level that was erased. */
  setBudget(budget: Budget): Outcome<Budget> {
    if (this.#erased.has(budget.levelId)) return ERASED_TENANT;
    this.records.put('budget', budget);
    return ok(budget);
  }

  /** Keeps, for good, no more of a tenant and what is below it than what they used, which bills are made of (T74). */
  eraseTenant(tenant: TenantId, below: readonly (ProjectId | KeyId)[], nowMs: number): void {
    this.#storage.transactionSync(() => {
      this.#erased.add([tenant, ...below]);
      for (const { id } of this.#budgetsOf([tenant, ...below])) this.records.remove('budget', id, nowMs);
      this.tallies.erase(tenant);
      this.#uses.erase(below);
    });
  }

  left(tenant: TenantId, below: readonly (ProjectId | KeyId)[]): number {
    const used = this.#uses.last(below as readonly KeyId[]).filter((atMs) => atMs !== null);
    return this.#budgetsOf([tenant, ...below]).length + this.tallies.countOf(tenant) + used.length;
  }

  #budgetsOf(levels: readonly string[]): Budget[] {
    return this.records.all('budget').filter(({ levelId }) => levels.includes(levelId));
  }

  /** Delivers alerts to webhooks, closes months and deletes what is old. `allowsLocal`: webhooks may be on this machine. */
  async maintain(nowMs: number, allowsLocal: boolean): Promise<void> {
    await new WebhookDispatcher(this.deliveries, (id) => this.records.find('webhook', id), allowsLocal).deliver(nowMs);
    this.#storage.transactionSync(() => this.invoices.close(nowMs));
    const ids = this.ledger.forget(nowMs - TENANCY_LIMITS.usageLateMaxMs, SWEEP_MAX_COUNT);
    const tallies = this.tallies.forget(nowMs, SWEEP_MAX_COUNT);
    const sweepMs = ids && tallies ? nowMs + SWEEP_MS : nowMs;
    await this.#storage.setAlarm(Math.min(sweepMs, this.deliveries.nextDueMs() ?? Infinity));
  }

  /** Sets the alarm for the next delivery or sweep, unless it rings before. */
  async arm(nowMs: number): Promise<void> {
    const set = await this.#storage.getAlarm();
    const dueMs = Math.min(this.deliveries.nextDueMs() ?? Infinity, nowMs + SWEEP_MS);
    if (set === null || dueMs < set) await this.#storage.setAlarm(dueMs);
  }

  #raise(alerts: readonly Alert[], nowMs: number): number {
    if (alerts.length === 0) return 0;
    return this.deliveries.raise(
      alerts,
      this.records.all('webhook').map(({ id }) => id),
      nowMs,
    );
  }
}
