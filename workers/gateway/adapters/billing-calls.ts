import type { BillingStub } from '../../../durable-objects/env.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { BillingLedger } from '../../../src/gateway/tenancy/billing-ledger.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import type { CountRow, HeldRow } from '../../../src/tenancy/usage/cache-tallies.ts';
import type { CallHour } from '../../../src/tenancy/usage/call-tallies.ts';
import type { InputHistograms } from '../../../src/tenancy/usage/input-tallies.ts';
import type { UsageLine, UsageQuery } from '../../../src/tenancy/usage/usage-query.ts';

/** All that the Workers of the API ask of the ledger of an organisation; see `BillingObject`. */
export interface BillingCalls extends BillingLedger, BillingStub {
  usage(query: UsageQuery): Promise<Outcome<readonly UsageLine[]>>;
  cacheStats(
    tenantId: TenantId,
    fromMs: number,
    toMs: number,
  ): Promise<{ readonly counts: readonly CountRow[]; readonly held: readonly HeldRow[] }>;
  callHours(tenantId: TenantId, endpoint: string, fromMs: number, withinMs: number): Promise<readonly CallHour[]>;
  inputHistograms(tenantId: TenantId): Promise<readonly InputHistograms[]>;
}
