import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { OrganisationId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Invoice } from '../../tenancy/billing/invoice.ts';
import { tenantPart } from '../../tenancy/billing/invoice.ts';
import type { Month } from '../../tenancy/billing/month.ts';
import { monthNamed, monthOf } from '../../tenancy/billing/month.ts';
import type { Reconciliation } from '../../tenancy/billing/reconciliation.ts';
import { COUNTER_OF } from '../../tenancy/quota/amounts.ts';
import type { Organisations } from './organisation-store.ts';
import { allTenants } from './organisation-store.ts';
import type { BillingLedgers } from './billing-ledger.ts';
import type { QuotaLedgers } from './quota-ledger.ts';
import { Composed } from '../api/composed.ts';

/** Granted to a tenant in a month and not billed to it: never billed, and never less than nothing. */
export interface Unreconciled {
  readonly tenant: TenantId;
  readonly requests: number;
  readonly tokens: number;
  /** What that would cost, nano-dollars: never less than callers were told and is not on the invoice. */
  readonly amountNano: bigint;
}

export interface ShownInvoice {
  readonly invoice: Invoice;
  readonly unreconciled: readonly Unreconciled[];
}

interface InvoiceReaderParts {
  readonly organisations: Organisations;
  readonly ledgers: BillingLedgers;
  readonly quotas: QuotaLedgers;
  /** Delivers what this isolate has not delivered yet. */
  readonly flush: () => Promise<void>;
}

/** Answers invoices: to the admin an organisation's, to a key the part of its own tenant. */
export class InvoiceReader extends Composed<InvoiceReaderParts> {
  async read(principal: Principal, organisation: OrganisationId | undefined, period: string): Promise<Outcome<ShownInvoice>> {
    const organisationId = principal.kind === 'tenant' ? principal.organisationId : organisation;
    if (organisationId === undefined) return refuse('scope_denied', 'the admin key belongs to no organisation: give one', 'organisation');
    if (principal.kind === 'tenant' && (organisation ?? organisationId) !== organisationId) {
      return refuse('organisation_not_found', 'there is no such organisation', 'organisation');
    }
    const found = await this.parts.organisations.at(organisationId).organisation();
    if (!found.ok) return found;
    await this.parts.flush();
    const month = monthNamed(period);
    const whole = await this.parts.ledgers(organisationId).invoice(organisationId, month);
    const invoice = principal.kind === 'tenant' ? tenantPart(whole, principal.tenantId) : whole;
    const tenants = principal.kind === 'tenant' ? ok([principal.tenantId]) : await allTenants(this.parts.organisations, organisationId);
    if (!tenants.ok) return tenants;
    return ok({ invoice, unreconciled: await this.#unreconciled(organisationId, month, invoice, tenants.value) });
  }

  async periods(organisation: OrganisationId): Promise<Outcome<readonly Month[]>> {
    const found = await this.parts.organisations.at(organisation).organisation();
    return found.ok ? ok((await this.parts.ledgers(organisation).invoicedMonths()).map(monthOf)) : found;
  }

  async reconcile(organisation: OrganisationId, period: string): Promise<Outcome<Reconciliation>> {
    const found = await this.parts.organisations.at(organisation).organisation();
    return found.ok ? ok(await this.parts.ledgers(organisation).reconcile(organisation, monthNamed(period))) : found;
  }

  async #unreconciled(
    organisationId: OrganisationId,
    month: Month,
    { usage }: Invoice,
    tenants: readonly TenantId[],
  ): Promise<Unreconciled[]> {
    const granted = await this.parts.quotas(organisationId).grantedIn(tenants, month.startMs);
    return tenants.flatMap((tenant, position) => {
      const own = usage.filter((line) => line.tenant === tenant);
      const billed = (counter: 'requests' | 'tokens'): number =>
        own.reduce((sum, { meter, quantity }) => sum + (COUNTER_OF[meter] === counter ? quantity : 0), 0);
      const requests = Math.max(0, (granted[position]?.requests ?? 0) - billed('requests'));
      const tokens = Math.max(0, (granted[position]?.tokens ?? 0) - billed('tokens'));
      const restNano = BigInt(granted[position]?.spend_nano ?? 0) - own.reduce((sum, line) => sum + line.amountNano, 0n);
      const amountNano = restNano > 0n ? restNano : 0n;
      return requests + tokens > 0 || amountNano > 0n ? [{ tenant, requests, tokens, amountNano }] : [];
    });
  }
}
