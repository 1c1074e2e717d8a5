import { describe, expect, it } from 'vitest';
import type { Principal } from '../../../../src/contract/api/principal.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { PoolAdmin } from '../../../../src/gateway/pools/pool-admin.ts';
import { KeyAdmin } from '../../../../src/gateway/tenancy/key-admin.ts';
import type { OrganisationDirectory, OrganisationStore } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { TenancyAdmin } from '../../../../src/gateway/tenancy/tenancy-admin.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { IdSigner } from '../../../../src/kernel/id-signer.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { NewKey } from '../../../../src/tenancy/keys/key-record.ts';
import { issue } from '../../../../src/tenancy/keys/key-record.ts';
import { idsOf, ManualClock } from '../../../support/fakes/tenancy.ts';

const { id: keyId, ...ids } = idsOf(1);
const admin: Principal = { kind: 'admin' };
const caller: Principal = { kind: 'tenant', keyId, ...ids, owner: 'team-of-key', scopes: ['keys:write', 'inference'] };
const key = { name: 'ci', scopes: ['inference'] as const, expires_at: null, addresses: null, origins: null, resources: null, labels: null };

/** Stores that accept everything, record what is read, and return the owners of what exists. */
function setUp() {
  const reads: string[] = [];
  const store = {
    organisation: async () => (reads.push('organisation'), ok({ id: ids.organisationId, name: 'o', owner: 'team-of-organisation' })),
    tenant: async () => (reads.push('tenant'), ok({ ...ids, name: 't', owner: 'team-of-tenant', defaultProjectId: ids.projectId })),
    found: async (organisation: object) => ok(organisation),
    addTenant: async (tenant: object) => ok(tenant),
    addProject: async (project: object) => ok(project),
    addKey: async (added: NewKey) => ok(issue(added)),
  } as unknown as OrganisationStore;
  const directory = { add: async (organisation: object) => ok(organisation) } as unknown as OrganisationDirectory;
  const hmac = new Hmac('pepper');
  const parts = {
    organisations: { at: () => store, directory: () => directory },
    hmac,
    signer: new IdSigner(hmac),
    rng: { bytes: (count: number) => new Uint8Array(count).fill(7) },
    clock: new ManualClock(),
  };
  const queue = { addPool: async (pool: object) => ok(pool) } as unknown as JobQueue;
  const pools = new PoolAdmin({ ...parts, queue, pools: () => ({ create: async () => true }) as never });
  return { reads, pools, tenancy: new TenancyAdmin(parts), keys: new KeyAdmin(parts, () => {}) };
}

describe('owners of created resources', () => {
  it("[T70] are those of the API key, and with the admin key of what the resource is in, or the admin's", async () => {
    const { keys, tenancy, pools } = setUp();
    const [tenant, organisation] = [ids.tenantId, ids.organisationId];
    expect(await keys.create(caller, key, undefined)).toMatchObject({ value: { record: { owner: 'team-of-key' } } });
    expect(await tenancy.createProject(caller, { name: 'p' }, undefined)).toMatchObject({ value: { owner: 'team-of-key' } });
    expect(await keys.create(admin, { ...key, tenant }, undefined)).toMatchObject({ value: { record: { owner: 'team-of-tenant' } } });
    expect(await tenancy.createProject(admin, { name: 'p', tenant }, undefined)).toMatchObject({ value: { owner: 'team-of-tenant' } });
    expect(await tenancy.createTenant(admin, { name: 't', organisation }, undefined)).toMatchObject({
      value: { owner: 'team-of-organisation' },
    });
    expect(await tenancy.createOrganisation(admin, { name: 'o' }, undefined)).toMatchObject({ value: { owner: 'admin' } });
    expect(await pools.create({ name: 'p' }, undefined)).toMatchObject({ value: { pool: { owner: 'admin' } } });
  });

  it('[T70] are those that the request names, whichever key calls', async () => {
    const { keys, tenancy, pools, reads } = setUp();
    const [named, tenant, organisation] = [{ name: 'x', owner: 'named' }, ids.tenantId, ids.organisationId];
    for (const principal of [caller, admin]) {
      expect(await keys.create(principal, { ...key, ...named, tenant }, undefined)).toMatchObject({
        value: { record: { owner: 'named' } },
      });
      reads.length = 0;
      expect(await tenancy.createProject(principal, { ...named, tenant }, undefined)).toMatchObject({ value: { owner: 'named' } });
    }
    expect(await tenancy.createTenant(admin, { ...named, organisation }, undefined)).toMatchObject({ value: { owner: 'named' } });
    expect(await tenancy.createOrganisation(admin, named, undefined)).toMatchObject({ value: { owner: 'named' } });
    expect(await pools.create(named, undefined)).toMatchObject({ value: { pool: { owner: 'named' } } });
    // Nothing is read if the request names an owner.
    expect(reads).toEqual([]);
  });
});
