import { describe, expect, it } from 'vitest';

import type { Principal, Scope, TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { KeyAdmin } from '../../../../src/gateway/tenancy/key-admin.ts';
import type { OrganisationStore } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { IdSigner } from '../../../../src/kernel/id-signer.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { NewKey, NewSecret } from '../../../../src/tenancy/keys/key-record.ts';
import { issue, revoke } from '../../../../src/tenancy/keys/key-record.ts';
import type { Ticket } from '../../../../src/tenancy/organisation.ts';
import { idsOf, ManualClock, newKey } from '../../../support/fakes/tenancy.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';

const own = idsOf(1);
const other = idsOf(2);
const tenantKey = (scopes: Scope[]): TenantPrincipal => {
  const { id: keyId, ...ids } = own;
  return { kind: 'tenant', keyId, ...ids, owner: 'team', scopes };
};
const admin: Principal = { kind: 'admin' };
const body = {
  name: 'ci',
  owner: 'testers',
  scopes: ['inference'] as Scope[],
  expires_at: null,
  addresses: null,
  origins: null,
  resources: null,
  labels: null,
};

/** A store that accepts everything and records it. */
function setUp() {
  const added: NewKey[] = [];
  const digests: string[] = [];
  const receipts = new Map<string, NewSecret>();
  const stored: Partial<NewKey> & { lineage?: NewKey['lineage'] & object } = {};
  let randoms = 0;
  const store = {
    tenant: async () => ok({ ...own, id: own.tenantId, name: 't', owner: 'o', defaultProjectId: own.projectId, createdAtMs: 0 }),
    addKey: async (key: NewKey, { digest }: Ticket) => {
      added.push(key);
      digests.push(digest);
      return ok(issue(key));
    },
    key: async () => ok(issue({ ...newKey({ scopes: ['inference'] }), ...stored })),
    revokeKey: async (_id: unknown, _tenant: unknown, withDescendants: boolean) =>
      ok({ record: revoke(issue(newKey()), 1), descendants: withDescendants ? [idsOf(8).id] : [] }),
    rotateKey: async (_id: unknown, _tenant: unknown, secret: NewSecret, { digest }: Ticket) => {
      digests.push(digest);
      const first = receipts.get(secret.receiptId ?? '') ?? secret;
      if (secret.receiptId !== null) receipts.set(secret.receiptId, first);
      return ok({ record: issue(newKey({ mac: first.mac })), nonce: first.nonce });
    },
  } as unknown as OrganisationStore;
  const forgotten: string[] = [];
  const keys = new KeyAdmin(
    {
      organisations: { at: () => store, directory: () => expect.fail('not needed') },
      hmac: new Hmac('pepper'),
      signer: new IdSigner(new Hmac('pepper')),
      rng: { bytes: (count) => new Uint8Array(count).fill((randoms += 1)) },
      clock: new ManualClock(),
    },
    (id) => forgotten.push(id),
  );
  return { keys, added, digests, forgotten, stored };
}

describe('making keys', () => {
  it('[T9] grants only scopes that the creating key has, within its tenant', async () => {
    const { keys, added } = setUp();
    expect(await keys.create(tenantKey(['keys:write']), body, undefined)).toMatchObject({ error: { code: 'scope_denied' } });
    const maker = tenantKey(['keys:write', 'inference']);
    expect(await keys.create(maker, { ...body, tenant: other.tenantId }, undefined)).toMatchObject({ error: { code: 'tenant_not_found' } });
    expect(added).toEqual([]);
    expect((await keys.create(maker, body, undefined)).ok).toBe(true);
    expect((await keys.create(admin, { ...body, tenant: own.tenantId, scopes: ['pools:admin'] }, undefined)).ok).toBe(true);
    expect(await keys.create(admin, body, undefined)).toMatchObject({ error: { code: 'scope_denied', path: ['tenant'] } });
  });

  it('[T9] rotates only itself and keys it made, and the caller gets a working secret', async () => {
    const { keys, stored } = setUp();
    const another = { ...own, id: idsOf(7).id };
    expect((await keys.rotate(tenantKey(['keys:write']), own.id, 0, undefined)).ok).toBe(true);
    stored.lineage = [own.projectId, idsOf(8).id];
    expect(await keys.rotate(tenantKey(['keys:write', 'inference', 'jobs']), another.id, 0, undefined)).toMatchObject({
      error: { code: 'scope_denied' },
    });
    stored.lineage = [own.projectId, own.id];
    expect((await keys.rotate(tenantKey(['keys:write', 'inference']), another.id, 0, undefined)).ok).toBe(true);
    expect((await keys.rotate(admin, another.id, 0, undefined)).ok).toBe(true);
  });

  it('[T63] revokes and rotates no key with more rights of any kind than the calling one', async () => {
    const { keys, stored } = setUp();
    const narrow: TenantPrincipal = {
      ...tenantKey(['keys:write', 'inference']),
      keyId: idsOf(9).id,
      expiresAtMs: 1_000,
      addresses: ['10.0.0.0/8'],
      origins: ['https://a.example', 'https://b.example'],
      resources: ['index/blog-*'],
      labels: ['staff'],
    };
    const within = {
      scopes: ['inference'] as Scope[],
      expiresAtMs: 999,
      addresses: ['10.1.0.0/16'],
      origins: ['https://a.example'],
      resources: ['index/blog-a'],
      labels: ['staff'],
    };
    const outcomes = async (reach: Partial<NewKey>) => {
      Object.assign(stored, within, { lineage: [idsOf(9).id] }, reach);
      const both = [await keys.revoke(narrow, own.id, false), await keys.rotate(narrow, own.id, 0, undefined)];
      return both.map((outcome) => (outcome.ok ? 'done' : `${outcome.error.code} ${outcome.error.message.split(':')[0]}`));
    };
    expect(await outcomes({})).toEqual(['done', 'done']);
    const further: Partial<NewKey>[] = [
      { scopes: ['inference', 'jobs'] },
      { expiresAtMs: null },
      { expiresAtMs: 1_001 },
      { addresses: null },
      { addresses: ['10.0.0.0/7'] },
      { origins: null },
      { origins: ['https://a.example', 'https://c.example'] },
      { labels: null },
      { resources: null },
      { resources: ['index/b*'] },
      { resources: ['model/glove'] },
    ];
    const fieldOf: Record<string, string> = { expiresAtMs: 'expires_at' };
    for (const reach of further) {
      const [field = ''] = Object.keys(reach);
      expect(await outcomes(reach)).toEqual(Array(2).fill(`scope_denied ${fieldOf[field] ?? field}`));
    }
    expect((await keys.revoke(admin, own.id, false)).ok).toBe(true);
    expect((await keys.revoke({ ...narrow, keyId: own.id }, own.id, false)).ok).toBe(true);
  });

  it('[T60] digests caller, operation and arguments', async () => {
    const { keys, digests } = setUp();
    const one = tenantKey(['keys:write', 'inference']);
    const two = { ...one, keyId: idsOf(9).id };
    await keys.create(one, body, 'k');
    await keys.create(one, body, 'k');
    await keys.create(two, body, 'k');
    await keys.create(one, { ...body, resources: ['index/a'] }, 'k');
    await keys.create(one, { ...body, scopes: ['keys:write'] }, 'k');
    await keys.create(admin, { ...body, tenant: own.tenantId }, 'k');
    expect(digests[1]).toBe(digests[0]);
    expect(new Set(digests).size).toBe(5);
    const made = digests.length;
    await keys.rotate(one, own.id, 0, 'k');
    await keys.rotate(one, own.id, 0, 'k');
    await keys.rotate(one, own.id, 1, 'k');
    await keys.rotate(admin, own.id, 0, 'k');
    const [first, again, ...others] = digests.slice(made);
    expect(again).toBe(first);
    expect(new Set([first, ...others, ...digests.slice(0, made)]).size).toBe(8);
  });

  it('[T62] answers a repeated rotation with the first secret, or a new one if that record is gone', async () => {
    const rotated = async ({ keys }: ReturnType<typeof setUp>, key: string | undefined, id = own.id) => {
      const answer = await keys.rotate(admin, id, 0, key);
      return answer.ok ? answer.value.apiKey : answer.error.code;
    };
    const world = setUp();
    const first = await rotated(world, 'k');
    expect(await rotated(world, 'k')).toBe(first);
    const others = [await rotated(world, 'l'), await rotated(world, 'k', idsOf(3).id), await rotated(world, undefined)];
    // Other random bytes, as in a rotation after the first one's record is gone.
    const later = setUp();
    await rotated(later, undefined);
    expect(new Set([first, ...others, await rotated(later, 'k')]).size).toBe(5);
  });

  it('[T12] creates no key with more rights or a later end; unstated bounds are inherited', async () => {
    const { keys, added } = setUp();
    const bounded: TenantPrincipal = {
      ...tenantKey(['keys:write', 'inference']),
      expiresAtMs: 1_000_000,
      addresses: ['10.0.0.0/8', '2001:db8::/32'],
      origins: ['https://a.example', 'https://b.example'],
      resources: ['index/blog-*', 'model/glove-sif-100'],
      labels: ['staff', 'board'],
      lineage: [idsOf(5).projectId, idsOf(5).id],
    };
    const refused = async (more: object) => {
      const made = await keys.create(bounded, { ...body, ...more }, undefined);
      return made.ok ? 'made' : paramOf(made.error);
    };
    expect(await refused({ expires_at: 1_001 })).toBe('expires_at');
    expect(await refused({ addresses: ['11.0.0.1'] })).toBe('addresses');
    expect(await refused({ addresses: ['10.1.0.0/16', '10.0.0.0/7'] })).toBe('addresses');
    expect(await refused({ origins: ['https://c.example'] })).toBe('origins');
    expect(await refused({ resources: ['index/b*'] })).toBe('resources');
    expect(await refused({ resources: ['index/blog-a', 'model/other'] })).toBe('resources');
    expect(await refused({ labels: ['staff', 'crew'] })).toBe('labels');
    expect(await refused({ scopes: ['jobs'] })).toBe('scopes');
    expect(added).toEqual([]);
    expect(await refused({})).toBe('made');
    expect(await refused({ expires_at: 999, addresses: ['10.2.3.4'], resources: ['index/blog-a*'], labels: [] })).toBe('made');
    const lineage = [idsOf(5).projectId, idsOf(5).id, own.projectId, own.id];
    expect(added[0]).toMatchObject({ expiresAtMs: 1_000_000, addresses: bounded.addresses, resources: bounded.resources, lineage });
    expect([added[0]?.origins, added[0]?.labels, added[1]?.labels]).toEqual([bounded.origins, bounded.labels, []]);
    expect(added[1]).toMatchObject({
      expiresAtMs: 999_000,
      addresses: ['10.2.3.4'],
      resources: ['index/blog-a*', 'model/glove-sif-100'],
      lineage,
    });
    const deep = { ...bounded, lineage: Array.from({ length: 4 }, (_, depth) => idsOf(10 + depth).id) };
    expect(await keys.create(deep, body, undefined)).toMatchObject({ error: { code: 'limit_exceeded' } });
  });

  it('[T5] drops a changed key from the cache', async () => {
    const { keys, forgotten } = setUp();
    await keys.rotate(admin, own.id, 0, undefined);
    expect(forgotten).toEqual([own.id]);
    await keys.revoke(admin, own.id, false);
    expect(forgotten).toEqual([own.id, own.id]);
    await keys.revoke(admin, own.id, true);
    expect(forgotten.slice(2)).toEqual([own.id, idsOf(8).id]);
  });

  it('[T2] stores the MAC, and returns the key once', async () => {
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
