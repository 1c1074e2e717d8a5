import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import type { JobParts } from '../../../../src/gateway/jobs/job-desk.ts';
import { BillingAdmin } from '../../../../src/gateway/tenancy/billing-admin.ts';
import type { BillingLedgers } from '../../../../src/gateway/tenancy/billing-ledger.ts';
import { InvoiceReader } from '../../../../src/gateway/tenancy/invoice-reader.ts';
import { KeyAdmin } from '../../../../src/gateway/tenancy/key-admin.ts';
import { QuotaAdmin } from '../../../../src/gateway/tenancy/quota-admin.ts';
import { TenancyAdmin } from '../../../../src/gateway/tenancy/tenancy-admin.ts';
import type { UsageLines } from '../../../../src/gateway/tenancy/usage-reader.ts';
import { UsageReader } from '../../../../src/gateway/tenancy/usage-reader.ts';
import type { KeyId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { pathOf } from '../../../../src/tenancy/quota/quota-level.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import type { Gateway } from '../../compose.ts';
import type { GatewayEnv } from '../../env.ts';
import { within } from '../api/ask.ts';
import type { Tenancy } from './tenancy.ts';

/** Tenancy, and what manages it: organisations, keys, quotas, bills. */
export interface Administration extends Tenancy {
  readonly admin: TenancyAdmin;
  readonly keys: KeyAdmin;
  readonly quotas: QuotaAdmin;
  readonly billing: BillingAdmin;
  readonly ledgers: BillingLedgers;
  readonly invoices: InvoiceReader;
  readonly usage: UsageReader;
  /** When keys of one organisation were last used; what cannot be known now is not in it. */
  readonly lastUsed: (ids: readonly KeyId[]) => Promise<ReadonlyMap<KeyId, number>>;
  readonly holdJob: JobParts['holdJob'];
}

export function wireAdministration(env: GatewayEnv, { clock, rng, tenancy }: Gateway): Administration {
  const { organisations, hmac, signer, quotaLedgers: quotas, authenticator, budget, holdings, flush } = tenancy;
  const ledgers: BillingLedgers = (organisation) => env.BILLING.getByName(organisation);
  const lines: UsageLines = (organisation, query) => env.BILLING.getByName(organisation).usage(query);
  const parts = { organisations, hmac, signer, rng, clock };
  return {
    ...tenancy,
    admin: new TenancyAdmin(parts),
    keys: new KeyAdmin(parts, (id) => authenticator.forgetRelatives(id)),
    quotas: new QuotaAdmin(organisations, quotas),
    billing: new BillingAdmin({ ...parts, ledgers, quotas, allowsLocalWebhooks: env.WEBHOOKS_OVER_HTTP === 'yes' }),
    ledgers,
    invoices: new InvoiceReader({ organisations, ledgers, quotas, flush }),
    usage: new UsageReader({ organisations, lines, clock, flush }),
    lastUsed: (ids) => lastUsed(ledgers, ids),
    holdJob: async (principal, id) =>
      budget.holds(principal, 'jobs') ? holdings.hold(principal, pathOf(principal), 'jobs', 1, id) : ok(undefined),
  };
}

/** In addition to what was asked for: a ledger that cannot be reached must not delay the rest. */
async function lastUsed(billing: BillingLedgers, ids: readonly KeyId[]): Promise<ReadonlyMap<KeyId, number>> {
  const [first] = ids;
  if (first === undefined) return new Map();
  const uses = await within(billing(organisationOf(first)).lastUsed(ids), API_LIMITS.controlTimeoutMs).catch(() => []);
  return new Map(ids.flatMap((id, position) => (uses[position] ? [[id, uses[position]]] : [])));
}
