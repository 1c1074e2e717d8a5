import type { Outcome } from '../../contract/api/outcome.ts';
import type { KeyId, OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import type { Budget } from '../../tenancy/billing/budget.ts';
import type { Invoice } from '../../tenancy/billing/invoice.ts';
import type { AlertRecord } from '../../tenancy/billing/delivery-store.ts';
import type { BillingRecords } from '../../tenancy/billing/invoice-service.ts';
import type { Month } from '../../tenancy/billing/month.ts';
import type { Reconciliation } from '../../tenancy/billing/reconciliation.ts';

/** The ledger of one organisation: its billing operations. Calls reject when it cannot be reached. */
export interface BillingLedger {
  invoice(organisationId: OrganisationId, month: Month): Promise<Invoice>;
  invoicedMonths(): Promise<readonly number[]>;
  reconcile(organisationId: OrganisationId, month: Month): Promise<Reconciliation>;
  add<K extends keyof BillingRecords>(kind: K, body: BillingRecords[K], digest: string): Promise<Outcome<BillingRecords[K]>>;
  /** Refuses with `tenant_suspended` that of a level that was erased. */
  setBudget(budget: Budget): Promise<Outcome<Budget>>;
  list<K extends keyof BillingRecords>(kind: K): Promise<readonly BillingRecords[K][]>;
  remove<K extends keyof BillingRecords>(kind: K, id: string): Promise<BillingRecords[K] | null>;
  /** When each of the keys was last used, as far as usage has been reported. */
  lastUsed(ids: readonly KeyId[]): Promise<readonly (number | null)[]>;
  alerts(limit: number): Promise<readonly AlertRecord[]>;
  /** Forgets all of a tenant but what it used, for good; answers how much is left. */
  eraseTenant(tenant: TenantId, below: readonly (ProjectId | KeyId)[]): Promise<number>;
  left(tenant: TenantId, below: readonly (ProjectId | KeyId)[]): Promise<number>;
}

export type BillingLedgers = (organisation: OrganisationId) => BillingLedger;
