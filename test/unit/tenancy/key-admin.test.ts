import { describe, expect, it } from 'vitest';

import type { Principal, TenantPrincipal } from '../../../src/contract/principal.ts';
import type { Scope } from '../../../src/contract/scope.ts';
import { KeyAdmin } from '../../../src/gateway/tenancy/key-admin.ts';
import type { OrganisationStore } from '../../../src/gateway/tenancy/organisation-store.ts';
import { Hmac } from '../../../src/kernel/hmac.ts';
import { ok } from '../../../src/kernel/result.ts';
import { issue, revoke } from '../../../src/tenancy/keys/key-record.ts';
import type { NewKey } from '../../../src/tenancy/keys/key-record.ts';
import { idsOf, ManualClock, newKey } from '../../support/tenancy.ts';

const own = idsOf(1);
const other = idsOf(2);
const tenantKey = (scopes: Scope[]): TenantPrincipal => {
  const { id: keyId, ...ids } = own;
  return { kind: 'tenant', keyId, ...ids, owner: 'team', scopes };
};
const admin: Principal = { kind: 'admin' };
const body = { name: 'ci', owner: 'testers', scopes: ['inference'] as Scope[], expires_at: null, addresses: null, resources: null };

/** A store that says yes and keeps what it was given. */
function setUp() {
  const added: NewKey[] = [];
  const stored: { lineage?: NewKey['lineage'] & object } = {};
  let randoms = 0;
  const store = {
    tenant: async () => ok({ ...own, id: own.tenantId, name: 't', owner: 'o', defaultProjectId: own.projectId, createdAtMs: 0 }),
    addKey: async (key: NewKey) => {
      added.push(key);
      return ok(issue(key));
    },
    key: async () => ok(issue({ ...newKey({ scopes: ['inference', 'jobs'] }), ...stored })),
    revokeKey: async () => ok(revoke(issue(newKey()), 1)),
    rotateKey: async (_id: unknown, _tenant: unknown, mac: string) => ok(issue(newKey({ mac }))),
  } as unknown as OrganisationStore;
  const forgotten: string[] = [];
  const keys = new KeyAdmin(
    {
      organisations: { at: () => store, directory: () => expect.fail('not needed') },
      hmac: new Hmac('pepper'),
      rng: { bytes: (count) => new Uint8Array(count).fill((randoms += 1)) },
      clock: new ManualClock(),
    },
    (id) => forgotten.push(id),
  );
  return { keys, added, forgotten, stored };
}

describe('making keys', () => {
  it('[T9] grants no scope its maker lacks, to no other tenant', async () => {
    const { keys, added } = setUp();
    expect(await keys.create(tenantKey(['keys:write']), body, undefined)).toMatchObject({ error: { code: 'scope_denied' } });
    const maker = tenantKey(['keys:write', 'inference']);
    expect(await keys.create(maker, { ...body, tenant: other.tenantId }, undefined)).toMatchObject({ error: { code: 'tenant_not_found' } });
    expect(added).toEqual([]);
    expect((await keys.create(maker, body, undefined)).ok).toBe(true);
    expect((await keys.create(admin, { ...body, tenant: own.tenantId, scopes: ['pools:admin'] }, undefined)).ok).toBe(true);
    expect(await keys.create(admin, body, undefined)).toMatchObject({ error: { code: 'invalid_value', param: 'tenant' } });
  });

  it('[T9] rotates itself and what it made, and nothing else: who rotates gets a working secret', async () => {
    const { keys, stored } = setUp();
    const another = { ...own, id: idsOf(7).id };
    expect((await keys.rotate(tenantKey(['keys:write']), own.id, 0, undefined)).ok).toBe(true);
    stored.lineage = [own.projectId, idsOf(8).id];
    expect(await keys.rotate(tenantKey(['keys:write', 'inference', 'jobs']), another.id, 0, undefined)).toMatchObject({
      error: { code: 'scope_denied' },
    });
    stored.lineage = [own.projectId, own.id];
    expect((await keys.rotate(tenantKey(['keys:write']), another.id, 0, undefined)).ok).toBe(true);
    expect((await keys.rotate(admin, another.id, 0, undefined)).ok).toBe(true);
  });

  it('[T12] makes nothing that reaches further or lasts longer, and passes on what is not said', async () => {
    const { keys, added } = setUp();
    const bounded: TenantPrincipal = {
      ...tenantKey(['keys:write', 'inference']),
      expiresAtMs: 1_000_000,
      addresses: ['10.0.0.0/8', '2001:db8::/32'],
      resources: ['index/blog-*', 'model/glove-sif-100'],
      lineage: [idsOf(5).projectId, idsOf(5).id],
    };
    const refused = async (more: object) => {
      const made = await keys.create(bounded, { ...body, ...more }, undefined);
      return made.ok ? 'made' : made.error.param;
    };
    expect(await refused({ expires_at: 1_001 })).toBe('expires_at');
    expect(await refused({ addresses: ['11.0.0.1'] })).toBe('addresses');
    expect(await refused({ addresses: ['10.1.0.0/16', '10.0.0.0/7'] })).toBe('addresses');
    expect(await refused({ resources: ['index/b*'] })).toBe('resources');
    expect(await refused({ resources: ['index/blog-a', 'model/other'] })).toBe('resources');
    expect(await refused({ scopes: ['jobs'] })).toBe('scopes');
    expect(added).toEqual([]);
    expect(await refused({})).toBe('made');
    expect(await refused({ expires_at: 999, addresses: ['10.2.3.4'], resources: ['index/blog-a*'] })).toBe('made');
    const lineage = [idsOf(5).projectId, idsOf(5).id, own.projectId, own.id];
    expect(added[0]).toMatchObject({ expiresAtMs: 1_000_000, addresses: bounded.addresses, resources: bounded.resources, lineage });
    expect(added[1]).toMatchObject({
      expiresAtMs: 999_000,
      addresses: ['10.2.3.4'],
      resources: ['index/blog-a*', 'model/glove-sif-100'],
      lineage,
    });
    const deep = { ...bounded, lineage: Array.from({ length: 4 }, (_, depth) => idsOf(10 + depth).id) };
    expect(await keys.create(deep, body, undefined)).toMatchObject({ error: { code: 'limit_exceeded' } });
  });

  it('[T5] has a changed key forgotten', async () => {
    const { keys, forgotten } = setUp();
    await keys.rotate(admin, own.id, 0, undefined);
    expect(forgotten).toEqual([own.id]);
    await keys.revoke(admin, own.id);
    expect(forgotten).toEqual([own.id, own.id]);
  });

  it('[T2] stores the MAC, and answers the key once', async () => {
    const { keys, added } = setUp();
    const created = await keys.create(admin, { ...body, tenant: own.tenantId }, undefined);
    const apiKey = created.ok ? created.value.apiKey : '';
    expect(apiKey).toMatch(/^sk_/);
    expect(added[0]?.mac).toBe(await new Hmac('pepper').hex(apiKey));
    expect(JSON.stringify(added)).not.toContain(apiKey.split('_')[2]);
  });

  it('[T4] reads the end of a key in seconds and keeps it in milliseconds', async () => {
    const { keys, added } = setUp();
    await keys.create(admin, { ...body, tenant: own.tenantId, expires_at: 1_800_000_000 }, undefined);
    await keys.create(admin, { ...body, tenant: own.tenantId }, undefined);
    expect(added.map(({ expiresAtMs }) => expiresAtMs)).toEqual([1_800_000_000_000, null]);
  });

  it('[T10] derives the same key from the same idempotency key and tenant, and another from any other', async () => {
    const { keys } = setUp();
    const make = async (idempotencyKey: string | undefined, tenant = own.tenantId) => {
      const created = await keys.create(admin, { ...body, tenant }, idempotencyKey);
      return created.ok ? created.value.apiKey : created.error.code;
    };
    const first = await make('a');
    expect(await make('a')).toBe(first);
    const all = [first, await make('b'), await make('a', other.tenantId), await make(undefined), await make(undefined)];
    expect(new Set(all).size).toBe(all.length);
  });
});
