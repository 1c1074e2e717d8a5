import { DurableObject } from 'cloudflare:workers';

import { CACHE_LIMITS } from '../src/contract/caches/cache-limits.ts';
import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { refuseBeyond } from '../src/contract/limits/limit-refusal.ts';
import type { UsageEvent } from '../src/contract/api/meter.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../src/kernel/ids.ts';
import { ok } from '../src/kernel/result.ts';
import type { Alert, Budget } from '../src/tenancy/billing/budget.ts';
import type { Invoice } from '../src/tenancy/billing/invoice.ts';
import type { Month } from '../src/tenancy/billing/month.ts';
import type { Reconciliation } from '../src/tenancy/billing/reconciliation.ts';
import { reconcile } from '../src/tenancy/billing/reconciliation.ts';
import { priced } from '../src/tenancy/usage/usage-query.ts';
import type { UsageLine, UsageQuery } from '../src/tenancy/usage/usage-query.ts';
import { BillingService } from './billing-service.ts';
import type { Recorded } from './billing-service.ts';
import type { BillingStub, ObjectsEnv } from './env.ts';
import type { Served } from './object-namespace.ts';
import type { BillingBodies } from '../src/tenancy/billing/invoice-service.ts';
import type { CountRow, HeldRow } from '../src/tenancy/usage/cache-tallies.ts';
import type { CallHour } from '../src/tenancy/usage/call-tallies.ts';
import type { InputHistograms } from '../src/tenancy/usage/input-tallies.ts';
import type { Tally } from '../src/tenancy/usage/usage-buffer.ts';
import type { AlertRecord } from '../src/tenancy/billing/delivery-store.ts';

type Kind = keyof BillingBodies & string;

/** The ledger of one organisation: usage, counted once however often it is delivered; and the budgets, alerts and invoices made from it. */
export class BillingObject extends DurableObject<ObjectsEnv> implements Served<BillingStub> {
  readonly #service = new BillingService(this.ctx.storage);

  /** Counts events and tallies by their ids. An answer means they are durable. Refuses with `limit_exceeded` above one batch. */
  async record(events: readonly UsageEvent[], tallies: readonly Tally[] = []): Promise<Outcome<Recorded>> {
    const count = Math.max(events.length, tallies.length);
    if (count > TENANCY_LIMITS.usageBatchMaxCount) {
      return refuseBeyond({ limit: 'usageBatchMaxCount', value: count, what: `${count} events come in one batch` });
    }
    const nowMs = Date.now();
    const recorded = this.#service.record(events, tallies, nowMs);
    await this.#service.arm(nowMs);
    return ok(recorded);
  }

  /** Keeps alerts, each once by its id. An answer means they are durable. */
  async raise(alerts: readonly Alert[]): Promise<number> {
    const nowMs = Date.now();
    const fresh = this.#service.raise(alerts, nowMs);
    await this.#service.arm(nowMs);
    return fresh;
  }

  /** Newest first. */
  alerts(limit: number): readonly AlertRecord[] {
    return this.#service.deliveries.page(limit);
  }

  /** Priced lines of whole hours. Refuses with `limit_exceeded` when there are too many to answer. */
  usage(query: UsageQuery): Outcome<UsageLine[]> {
    const countMax = TENANCY_LIMITS.usageGroupsMaxCount;
    const lines = priced(this.#service.ledger.sums(query, countMax + 1));
    if (lines.length <= countMax) return ok(lines);
    return refuseBeyond({
      path: 'group_by',
      limit: 'usageGroupsMaxCount',
      what: 'makes too many lines',
      advice: 'ask for less time or fewer dimensions',
    });
  }

  /** When each of the keys was last used, as far as usage has been reported. */
  lastUsed(ids: readonly KeyId[]): (number | null)[] {
    return this.#service.lastUsed(ids);
  }

  invoice(organisationId: OrganisationId, month: Month): Invoice {
    return this.#service.invoices.invoice(organisationId, month);
  }

  /** The months that have an invoice, oldest first. */
  invoicedMonths(): number[] {
    return this.#service.ledger.months();
  }

  /** Whether all events of a month, and nothing else, are on its invoice. */
  reconcile(organisationId: OrganisationId, month: Month): Reconciliation {
    return reconcile(this.#service.ledger.controlTotals(month.startMs), this.invoice(organisationId, month));
  }

  /** Writes a credit, fixed charge or webhook; the same id and digest again changes nothing. */
  add<K extends Kind>(kind: K, body: BillingBodies[K], digest: string): Outcome<BillingBodies[K]> {
    return this.ctx.storage.transactionSync(() => this.#service.records.add(kind, body, digest, Date.now()));
  }

  /** Writes a budget, replacing the one of its id. Refuses that of a level that was erased. */
  setBudget(budget: Budget): Outcome<Budget> {
    return this.#service.setBudget(budget);
  }

  list<K extends Kind>(kind: K): BillingBodies[K][] {
    return this.#service.records.all(kind);
  }

  /** The record that was removed, if there was one. */
  remove<K extends Kind>(kind: K, id: string): BillingBodies[K] | null {
    return this.ctx.storage.transactionSync(() => {
      const found = this.#service.records.find(kind, id) ?? null;
      this.#service.records.remove(kind, id, Date.now());
      if (kind === 'webhook') this.#service.deliveries.drop(id);
      return found;
    });
  }

  /** Forgets all of a tenant but what it used, and keeps nothing more of it later. */
  eraseTenant(tenant: TenantId, below: readonly (ProjectId | KeyId)[]): number {
    this.#service.eraseTenant(tenant, below, Date.now());
    return this.#service.left(tenant, below);
  }

  /** How much is kept of a tenant besides what it used. */
  left(tenant: TenantId, below: readonly (ProjectId | KeyId)[]): number {
    return this.#service.left(tenant, below);
  }

  /** What isolates reported of a tenant's caches, in whole hours, and what they hold. */
  cacheStats(tenantId: TenantId, fromMs: number, toMs: number): { counts: CountRow[]; held: HeldRow[] } {
    const { caches } = this.#service.tallies;
    return { counts: caches.counts(tenantId, fromMs, toMs), held: caches.held(tenantId, Date.now() - CACHE_LIMITS.cacheHeldMs) };
  }

  /** Hour by hour, how calls of an endpoint were answered, as far as isolates have reported. */
  callHours(tenantId: TenantId, endpoint: string, fromMs: number, withinMs: number): CallHour[] {
    return this.#service.tallies.calls.hours(tenantId, endpoint, fromMs, withinMs);
  }

  /** How inputs of models and indexes were distributed in the last week and before, as far as isolates have reported. */
  inputHistograms(tenantId: TenantId): InputHistograms[] {
    return this.#service.tallies.inputs.histograms(tenantId, Date.now());
  }

  override alarm(): Promise<void> {
    return this.#service.maintain(Date.now(), this.env.WEBHOOKS_OVER_HTTP === 'yes');
  }
}
