import { describe, expect, it } from 'vitest';

import type { Principal, TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { UsageReader } from '../../../../src/gateway/tenancy/usage-reader.ts';
import type { OrganisationId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { UsageQuery } from '../../../../src/tenancy/usage/usage-query.ts';

const ORGANISATION = 'org_0000000001' as OrganisationId;
const TENANT = 'tn_0000000001_00000001' as TenantId;
const admin: Principal = { kind: 'admin' };
const tenant = { kind: 'tenant', organisationId: ORGANISATION, tenantId: TENANT } as unknown as TenantPrincipal;

function reader() {
  const delivered = { count: 0 };
  const asked: (UsageQuery & { readonly organisation: OrganisationId })[] = [];
  const exists = { tenant: async () => ok({}), tenants: async () => ok({ items: [], hasMore: false }) };
  const usage = new UsageReader({
    organisations: { at: () => exists } as unknown as Organisations,
    lines: async (organisation, query) => {
      expect(delivered.count, 'delivered before the ledger is read').toBe(1);
      asked.push({ organisation, ...query });
      return ok([]);
    },
    clock: { nowMs: () => Date.UTC(2026, 10, 25) },
    flush: async () => void (delivered.count += 1),
  });
  return { usage, asked, delivered };
}

describe('the tenants whose usage is read', () => {
  it('[G64] have what the isolate that answers has counted before', async () => {
    const { usage, asked, delivered } = reader();
    await usage.read(tenant, {});
    expect([delivered.count, asked.length]).toEqual([1, 1]);
  });

  it('are all of an organisation that the admin names', async () => {
    const { usage, asked } = reader();
    expect((await usage.read(admin, { organisation: ORGANISATION })).ok).toBe(true);
    expect(asked).toEqual([expect.objectContaining({ organisation: ORGANISATION })]);
    expect(asked[0]).not.toHaveProperty('tenantId');
  });

  it('are only the tenant of a key', async () => {
    const { usage, asked } = reader();
    expect((await usage.read(tenant, {})).ok).toBe(true);
    expect(asked).toEqual([expect.objectContaining({ organisation: ORGANISATION, tenantId: TENANT })]);
  });

  it.each(['org_0000000001', 'org_0000000002'])('are not those of %s for a key that names it: the call is refused', async (id) => {
    const { usage, asked } = reader();
    const refused = await usage.read(tenant, { organisation: id as OrganisationId });
    expect(refused).toMatchObject({ ok: false, error: { code: 'scope_denied', path: ['organisation'] } });
    expect(asked).toEqual([]);
  });

  it('are the tenant if its organisation is named, too; another organisation has no such tenant', async () => {
    const { usage, asked } = reader();
    expect((await usage.read(admin, { organisation: ORGANISATION, tenant: TENANT })).ok).toBe(true);
    expect(asked).toEqual([expect.objectContaining({ organisation: ORGANISATION, tenantId: TENANT })]);
    const refused = await usage.read(admin, { organisation: 'org_0000000009' as OrganisationId, tenant: TENANT });
    expect(refused).toMatchObject({ ok: false, error: { code: 'tenant_not_found', path: ['tenant'] } });
  });
});
