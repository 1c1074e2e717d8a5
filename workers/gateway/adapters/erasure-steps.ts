import type { CachePurger } from '../../../src/gateway/purge-cache.ts';
import type { FileStore } from '../../../src/gateway/jobs/file-store.ts';
import type { OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import type { QuotaLedgers } from '../../../src/gateway/tenancy/quota-ledger.ts';
import type { ErasureStep } from '../../../src/gateway/tenancy/tenant-eraser.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import type { Indexes } from '../../../src/gateway/indexes.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { ok } from '../../../src/kernel/result.ts';
import { organisationOf } from '../../../src/tenancy/resource-ids.ts';

interface ErasureParts {
  readonly at: (tenant: TenantId) => OrganisationStore;
  readonly quotas: QuotaLedgers;
  readonly indexes: Indexes;
  readonly files: FileStore<unknown>;
  readonly purger: CachePurger;
}

/** All that a tenant has, what it wrote first. Whatever comes to hold something of tenants joins this list. */
export function erasureSteps({ at, quotas, indexes, files, purger }: ErasureParts): readonly ErasureStep[] {
  return [
    {
      what: 'indexes',
      erase: (tenant) => indexes.eraseAll(tenant),
      remaining: (tenant) => indexes.countAll(tenant),
    },
    {
      what: 'files',
      erase: async (tenant) => {
        for (;;) {
          const { files: found } = await files.list(tenant, '', LIMITS.pageMaxCount);
          if (found.length === 0) return ok(null);
          for (const { id } of found) await files.delete(tenant, id);
        }
      },
      remaining: async (tenant) => ok((await files.list(tenant, '', LIMITS.pageMaxCount)).files.length),
    },
    {
      what: 'cached embeddings',
      erase: (tenant) => purger.eraseTenant(tenant),
      remaining: (tenant) => purger.left(tenant),
    },
    {
      what: 'quotas',
      erase: async (tenant) => {
        const below = await at(tenant).belowTenant(tenant);
        return below.ok ? ok(await quotas(organisationOf(tenant)).erase(tenant, below.value)) : below;
      },
      remaining: async (tenant) => ok(await quotas(organisationOf(tenant)).countLevels([tenant])),
    },
    {
      what: 'keys and projects',
      erase: (tenant, principal) => at(tenant).eraseBelow(tenant, principal.kind === 'admin' ? 'admin' : principal.keyId),
      remaining: async (tenant) => {
        const below = await at(tenant).belowTenant(tenant);
        return below.ok ? ok(below.value.length) : below;
      },
    },
  ];
}
