import type { CachePurger } from '../../../src/gateway/purge-cache.ts';
import type { FileWriter } from '../../../src/gateway/jobs/file-writer.ts';
import type { BillingLedgers } from '../../../src/gateway/tenancy/billing-ledger.ts';
import type { OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import type { QuotaLedgers } from '../../../src/gateway/tenancy/quota-ledger.ts';
import type { ErasureStep } from '../../../src/gateway/tenancy/tenant-eraser.ts';
import type { Indexes } from '../../../src/gateway/indexes.ts';
import type { KeyId, ProjectId, TenantId } from '../../../src/kernel/ids.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import { organisationOf } from '../../../src/tenancy/resource-ids.ts';

interface ErasureParts {
  readonly at: (tenant: TenantId) => OrganisationStore;
  readonly quotas: QuotaLedgers;
  readonly indexes: Indexes;
  readonly files: Pick<FileWriter<unknown>, 'eraseAll' | 'count'>;
  readonly billing: BillingLedgers;
  readonly purger: CachePurger;
}

/** All that a tenant has, what it wrote first. Whatever comes to hold something of tenants joins this list. */
export function erasureSteps({ at, quotas, indexes, files, purger, billing }: ErasureParts): readonly ErasureStep[] {
  const withBelow = async <T>(tenant: TenantId, work: (below: readonly (ProjectId | KeyId)[]) => Promise<T>): Promise<Outcome<T>> => {
    const below = await at(tenant).belowTenant(tenant);
    return below.ok ? ok(await work(below.value)) : below;
  };
  return [
    {
      what: 'indexes',
      erase: (tenant) => indexes.eraseAll(tenant),
      remaining: (tenant) => indexes.countAll(tenant),
    },
    {
      what: 'files',
      erase: async (tenant) => ok(await files.eraseAll(tenant)),
      remaining: async (tenant, isErased) => ok(await files.count(tenant, isErased)),
    },
    {
      what: 'cached embeddings',
      erase: (tenant) => purger.eraseTenant(tenant),
      remaining: (tenant) => purger.left(tenant),
    },
    {
      what: 'statistics and budgets',
      erase: (tenant) => withBelow(tenant, (below) => billing(organisationOf(tenant)).eraseTenant(tenant, below)),
      remaining: (tenant) => withBelow(tenant, (below) => billing(organisationOf(tenant)).left(tenant, below)),
    },
    {
      what: 'quotas',
      erase: (tenant) => withBelow(tenant, (below) => quotas(organisationOf(tenant)).erase(tenant, below)),
      remaining: (tenant) => withBelow(tenant, (below) => quotas(organisationOf(tenant)).countLevels([tenant, ...below])),
    },
    {
      what: 'keys and projects',
      erase: (tenant, principal) => at(tenant).eraseBelow(tenant, principal.kind === 'admin' ? 'admin' : principal.keyId),
      remaining: (tenant) => withBelow(tenant, async (below) => below.length),
    },
  ];
}
