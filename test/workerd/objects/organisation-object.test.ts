import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';

import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import type { OrganisationDirectory } from '../../../src/gateway/tenancy/organisation-store.ts';
import type { KeyId } from '../../../src/kernel/ids.ts';
import { keyId, organisationId } from '../../../src/tenancy/resource-ids.ts';
import type { Actor } from '../../../src/tenancy/organisation.ts';
import { idsOf, newKey } from '../../support/fakes/tenancy.ts';
import { MAC, organisation, secret, stubOf, ticket } from './organisation-world.ts';

const { DIRECTORY } = env as unknown as Record<'DIRECTORY', DurableObjectNamespace>;

describe.each([{ evicts: false }, { evicts: true }])('OrganisationObject, evicted after each call: $evicts', ({ evicts }) => {
  const base = evicts ? 100 : 200;

  it('[T10] answers a repetition with what the first call created, and refuses another body', async () => {
    const { found, addTenant, call, tenant, project } = organisation(base, evicts);
    expect(await found()).toMatchObject({ ok: true, value: { name: 'acme' } });
    expect(await found()).toMatchObject({ ok: true });
    expect(await addTenant()).toEqual({ ok: true, value: tenant });
    expect(await call((store) => store.addTenant({ ...tenant, createdAtMs: 9 }, project, ticket()))).toEqual({ ok: true, value: tenant });
    expect(await call((store) => store.addTenant(tenant, project, ticket('other')))).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    });
    const twin = { ...tenant, id: idsOf(base + 50).tenantId };
    expect(await call((store) => store.addTenant(twin, project, ticket()))).toMatchObject({
      error: { code: 'already_exists', path: ['name'] },
    });
    expect(await call((store) => store.tenants(10, undefined))).toEqual({ ok: true, value: { items: [tenant], hasMore: false } });
  });

  it('[T120] answers a question about its keys and tenants at their next change, and not before', async () => {
    const { found, addTenant, call, ids } = organisation(base + 8, evicts);
    await found();
    await addTenant();
    await call((store) => store.addKey(newKey({ ...ids, mac: MAC }), ticket()));
    const versionOf = async () => {
      const admitted = await call((store) => store.admit(ids.id));
      return admitted.ok ? (admitted.value.version ?? -1) : -1;
    };
    const known = await versionOf();
    const stub = stubOf(base + 8);
    const watcher = { isolate: 'one', known, settled: known };
    let answered = false;
    const asked = stub.watch(watcher, 60_000).then((answer) => {
      answered = true;
      return answer;
    });
    // It waits there: what is asked later is answered before.
    await stub.admit(ids.id);
    expect(answered).toBe(false);
    await stub.moveTenant(ids.tenantId, 'erasing', 'admin');
    const version = await asked;
    expect(version).toEqual({ ok: true, value: known + 1 });
    expect(await stub.countCalling(ids.tenantId)).toEqual({ ok: true, value: 1 });
    await stub.watch({ isolate: 'one', known: known + 1, settled: null }, 0);
    expect(await stub.countCalling(ids.tenantId)).toEqual({ ok: true, value: 0 });
    expect(await versionOf()).toBe(known + 1);
    expect(await call((store) => store.watch({ isolate: 'two', known, settled: known }, 60_000))).toEqual({ ok: true, value: known + 1 });
  });

  it('[C88] shares no cache until configured, reports the setting with each key, and keeps it', async () => {
    const { found, addTenant, call, ids } = organisation(base + 7, evicts);
    const key = newKey({ ...ids, mac: MAC });
    const sharing = async () => {
      const [own, admitted] = [await call((store) => store.organisation()), await call((store) => store.admit(ids.id))];
      return [own.ok && own.value.cacheSharing, admitted.ok && admitted.value.sharesCache];
    };
    await found();
    await addTenant();
    await call((store) => store.addKey(key, ticket()));
    expect(await sharing()).toEqual([undefined, false]);
    await call((store) => store.shareCache(false, 'admin'));
    expect(await sharing()).toEqual([undefined, false]);
    await call((store) => store.shareCache(true, 'admin'));
    await call((store) => store.shareCache(true, 'admin'));
    expect(await sharing()).toEqual(['on', true]);
    await call((store) => store.shareCache(false, 'admin'));
    expect(await sharing()).toEqual(['off', false]);
    const trail = await call((store) => store.audit(2));
    expect(trail).toMatchObject({
      value: [{ action: 'organisation.unshare_cache' }, { action: 'organisation.share_cache', actor: 'admin' }],
    });
    expect(await call((store) => store.admit(idsOf(base + 60).id))).toMatchObject({ error: { code: 'key_not_found' } });
  });

  it('[T3] [T4] [T9] keeps keys, and shows and changes them for their own tenant alone', async () => {
    const { found, addTenant, call, ids } = organisation(base + 1, evicts);
    await found();
    await addTenant();
    const key = newKey({ ...ids, mac: MAC });
    expect(await call((store) => store.addKey({ ...key, projectId: idsOf(base + 2).projectId }, ticket()))).toMatchObject({
      error: { code: 'project_not_found' },
    });
    expect(await call((store) => store.addKey(key, ticket()))).toMatchObject({ ok: true, value: { secrets: [{ mac: MAC }] } });
    expect(await call((store) => store.key(ids.id))).toMatchObject({ ok: true });

    const stranger = idsOf(base + 2).tenantId;
    const strange = [
      await call((store) => store.key(ids.id, stranger)),
      await call((store) => store.rotateKey(ids.id, stranger, secret('b'), ticket())),
      await call((store) => store.revokeKey(ids.id, stranger, false, 'admin')),
      await call((store) => store.key(idsOf(base + 2).id)),
    ];
    expect(strange.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))).toEqual(Array(4).fill('key_not_found'));

    const rotated = await call((store) => store.rotateKey(ids.id, ids.tenantId, secret('b', null, 1000), ticket()));
    expect(rotated).toMatchObject({ ok: true, value: { record: { secrets: [{ mac: 'b'.repeat(64) }, { mac: MAC }] } } });
    expect(await call((store) => store.addKey(key, ticket()))).toMatchObject({ error: { code: 'idempotency_key_spent' } });
    const revoked = await call((store) => store.revokeKey(ids.id, undefined, false, 'admin'));
    expect(revoked).toMatchObject({ ok: true, value: { record: { revokedAtMs: expect.any(Number) }, descendants: [] } });
    expect(await call((store) => store.key(ids.id))).toEqual({ ok: true, value: revoked.ok && revoked.value.record });
    expect(await call((store) => store.audit(10))).toMatchObject({
      value: ['key.revoke', 'key.rotate', 'key.create', 'project.create', 'tenant.create', 'organisation.create'].map((action) => ({
        action,
      })),
    });
  });

  it('[T60] [T61] answers a repeated rotation as the first, and never returns a replaced or revoked secret', async () => {
    const { found, addTenant, call, ids } = organisation(base + 8, evicts);
    await found();
    await addTenant();
    await call((store) => store.addKey(newKey({ ...ids, mac: MAC }), ticket()));
    const rotate = (letter: string, receiptId: string, digest = 'digest') =>
      call((store) => store.rotateKey(ids.id, ids.tenantId, secret(letter, receiptId, 60_000), ticket(digest)));
    const first = await rotate('b', 'rot_1');
    expect(first).toMatchObject({ value: { nonce: 'nonce-b', record: { secrets: [{ mac: 'b'.repeat(64) }, { mac: MAC }] } } });
    // A repetition proposes another nonce, and gets the first one.
    expect(await rotate('c', 'rot_1')).toEqual(first);
    expect(await rotate('c', 'rot_1', 'other')).toMatchObject({ error: { code: 'idempotency_mismatch', path: ['idempotency-key'] } });
    const second = await rotate('d', 'rot_2');
    expect(second).toMatchObject({ value: { record: { secrets: [{ mac: 'd'.repeat(64) }, { mac: 'b'.repeat(64) }] } } });
    const late = await rotate('b', 'rot_1');
    expect(late).toMatchObject({
      error: { code: 'idempotency_key_spent', path: ['idempotency-key'], message: expect.stringContaining('rotated') },
    });
    const current = await call((store) => store.key(ids.id));
    expect(current).toEqual({ ok: true, value: second.ok && second.value.record });
    await call((store) => store.revokeKey(ids.id, undefined, false, 'admin'));
    for (const [receipt, code] of [
      ['rot_1', 'idempotency_key_spent'],
      ['rot_2', 'idempotency_key_spent'],
      ['rot_3', 'state_conflict'],
    ] as const) {
      expect(await rotate('e', receipt)).toMatchObject({ error: { code, message: expect.stringContaining('revoked') } });
    }
    expect(await call((store) => store.audit(2))).toMatchObject({ value: [{ action: 'key.revoke' }, { action: 'key.rotate' }] });
  });

  it('[T64] revokes a key with all its descendants, in one step and with audit entries, and no other', async () => {
    const { found, addTenant, call, ids } = organisation(base + 10, evicts);
    await found();
    await addTenant();
    const [root, child, grandchild, stranger] = [70, 71, 72, 73].map((number) =>
      keyId(ids.organisationId, new Uint8Array(10).fill(number - 60)),
    );
    const add = (id: KeyId, ...lineage: KeyId[]) =>
      call((store) => store.addKey(newKey({ ...ids, id, mac: MAC, lineage: lineage.flatMap((key) => [ids.projectId, key]) }), ticket()));
    for (const [id, ...lineage] of [[root!], [child!, root!], [grandchild!, root!, child!], [stranger!]] as const)
      await add(id, ...lineage);
    const live = async () => {
      const page = await call((store) => store.keys(ids.tenantId, 10, undefined));
      return page.ok ? page.value.items.filter(({ revokedAtMs }) => revokedAtMs === null).map(({ id }) => id) : page;
    };
    expect(await call((store) => store.revokeKey(grandchild!, undefined, true, 'admin'))).toMatchObject({ value: { descendants: [] } });
    expect(await live()).toEqual([root, child, stranger]);
    const revoked = { value: { record: { id: root, revokedAtMs: expect.any(Number) }, descendants: [child, grandchild] } };
    expect(await call((store) => store.revokeKey(root!, ids.tenantId, true, stranger!))).toMatchObject(revoked);
    expect(await call((store) => store.revokeKey(root!, ids.tenantId, true, stranger!))).toMatchObject(revoked);
    expect(await live()).toEqual([stranger]);
    const trail = await call((store) => store.audit(3));
    expect(trail).toMatchObject({
      value: [
        { action: 'key.revoke', subject: child, actor: stranger },
        { action: 'key.revoke', subject: root, actor: stranger },
        { action: 'key.revoke', subject: grandchild, actor: 'admin' },
      ],
    });
  });

  it('[T68] [T91] records whether a tenant has indexes and a stored registry; refuses both when erased', async () => {
    const { found, addTenant, call, ids, tenant } = organisation(base + 11, evicts);
    await found();
    await addTenant();
    const has = async () => {
      const known = await call((store) => store.tenant(ids.tenantId));
      return known.ok ? known.value.hasIndexes : known;
    };
    // As in a tenant from before this was recorded.
    expect(await has()).toBe(tenant.hasIndexes);
    for (let repeats = 0; repeats < 2; repeats++)
      expect(await call((store) => store.openIndexes(ids.tenantId))).toMatchObject({ ok: true });
    expect(await has()).toBe(true);
    const hasRegistry = async () => {
      const opened = await call((store) => store.openIndexes(ids.tenantId));
      return opened.ok && opened.value.hasRegistry;
    };
    expect(await hasRegistry()).toBeUndefined();
    expect(await call((store) => store.keepRegistry(ids.tenantId))).toEqual({ ok: true, value: null });
    expect(await hasRegistry()).toBe(true);
    expect(await call((store) => store.openIndexes(idsOf(base + 12).tenantId))).toMatchObject({ error: { code: 'tenant_not_found' } });
    await call((store) => store.moveTenant(ids.tenantId, 'erasing', 'admin'));
    expect(await call((store) => store.openIndexes(ids.tenantId))).toMatchObject({ error: { code: 'state_conflict' } });
    await call((store) => store.buryTenant(ids.tenantId, 'admin'));
    expect(await has()).toBe(true);
  });

  it('lists in order of creation, page by page', async () => {
    const { found, addTenant, call, ids } = organisation(base + 3, evicts);
    await found();
    await addTenant();
    const names = Array.from({ length: 7 }, (_, position) => `p${position}`);
    for (const [position, name] of names.entries()) {
      const project = { id: idsOf(900 - position).projectId, tenantId: ids.tenantId, name, owner: 'ops', createdAtMs: position };
      expect(await call((store) => store.addProject(project, ticket()))).toMatchObject({ ok: true });
    }
    const seen: string[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 4; pages++) {
      const page = await call((store) => store.projects(ids.tenantId, 3, after));
      if (!page.ok) break;
      seen.push(...page.value.items.map((item) => item.name));
      after = page.value.items.at(-1)?.id;
      expect(page.value.hasMore).toBe(seen.length < names.length + 1);
      if (!page.value.hasMore) break;
    }
    expect(seen).toEqual(['default', ...names]);
  });
});

describe('OrganisationObject', () => {
  it('[T11] [T90] stores nothing before its creation, and is unavailable: a signed id implies data loss', async () => {
    const { call, found, ids, tenant, project } = organisation(300, false);
    const codes = [
      await call((store) => store.key(ids.id)),
      await call((store) => store.tenant(ids.tenantId)),
      await call((store) => store.tenants(10, undefined)),
      await call((store) => store.addTenant(tenant, project, ticket())),
      await call((store) => store.addProject(project, ticket())),
      await call((store) => store.addKey(newKey(ids), ticket())),
      await call((store) => store.revokeKey(ids.id, undefined, true, 'admin')),
      await call((store) => store.rotateKey(ids.id, undefined, secret('b', 'rot_1'), ticket())),
      await call((store) => store.note(ids.tenantId, 'quota.set', 'admin')),
      await call((store) => store.audit(1)),
    ].map((outcome) => (outcome.ok ? 'ok' : outcome.error.code));
    codes.push(
      ...[await found(true), await call((store) => store.admit(ids.id)), await call((store) => store.keepRegistry(ids.tenantId))].map(
        (outcome) => (outcome.ok ? 'ok' : outcome.error.code),
      ),
    );
    expect(new Set(codes)).toEqual(new Set(['unavailable']));
    const tables = await runInDurableObject(stubOf(300), (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
  });

  it('[T62] remembers the newest rotationReceiptsMaxCount rotations of a tenant', async () => {
    const { found, addTenant, call, ids } = organisation(430, false);
    await found();
    await addTenant();
    await call((store) => store.addKey(newKey({ ...ids, mac: MAC }), ticket()));
    const rotate = (letter: string, receiptId: string) =>
      call((store) => store.rotateKey(ids.id, ids.tenantId, secret(letter, receiptId), ticket()));
    await rotate('b', 'rot_first');
    await runInDurableObject(stubOf(430), (_, { storage }) =>
      storage.sql.exec(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT INTO documents (kind, id, parent, name, digest, body) SELECT 'rotation', i, ?, i, '', '{}' FROM n`,
        TENANCY_LIMITS.rotationReceiptsMaxCount - 1,
        ids.tenantId,
      ),
    );
    expect(await rotate('b', 'rot_first')).toMatchObject({ value: { nonce: 'nonce-b' } });
    await rotate('c', 'rot_last');
    const kept = await runInDurableObject(stubOf(430), (_, { storage }) =>
      storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM documents WHERE kind = 'rotation'").one(),
    );
    expect(kept.n).toBe(TENANCY_LIMITS.rotationReceiptsMaxCount);
    // The receipt is gone, so this is a new rotation.
    expect(await rotate('d', 'rot_first')).toMatchObject({
      value: { nonce: 'nonce-d', record: { secrets: [{ mac: 'd'.repeat(64) }, {}] } },
    });
    await call((store) => store.eraseBelow(ids.tenantId, 'admin'));
    const left = await runInDurableObject(stubOf(430), (_, { storage }) =>
      storage.sql.exec("SELECT kind FROM documents WHERE kind NOT IN ('organisation', 'tenant')").toArray(),
    );
    expect(left).toEqual([]);
  });

  it('[T56] commits nothing for a key that has ended or whose tenant is not active', async () => {
    const { found, addTenant, call, ids } = organisation(440, false);
    await found();
    await addTenant();
    const [key, other] = [newKey({ ...ids, mac: MAC }), newKey({ ...ids, id: idsOf(441).id, mac: MAC })];
    const expired = newKey({ ...ids, id: idsOf(442).id, mac: MAC, expiresAtMs: 1 });
    for (const made of [key, other, expired]) expect(await call((store) => store.addKey(made, ticket()))).toMatchObject({ ok: true });
    const actingAs = async (actor: Actor): Promise<string[]> => {
      const made = newKey({ ...ids, id: idsOf(443).id, mac: MAC });
      const project = { id: idsOf(444).projectId, tenantId: ids.tenantId, name: actor, owner: 'ops', createdAtMs: 1 };
      const outcomes = [
        await call((store) => store.addKey(made, ticket('digest', actor))),
        await call((store) => store.addProject(project, ticket('digest', actor))),
        await call((store) => store.rotateKey(other.id, ids.tenantId, secret('c'), ticket('digest', actor))),
        await call((store) => store.revokeKey(other.id, ids.tenantId, false, actor)),
        await call((store) => store.note(ids.tenantId, 'cache.purge', actor)),
      ];
      return outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code));
    };
    const before = await call((store) => store.audit(100));
    expect(await actingAs(expired.id)).toEqual(Array(5).fill('key_expired'));
    expect(await actingAs(idsOf(445).id)).toEqual(Array(5).fill('invalid_api_key'));
    await call((store) => store.moveTenant(ids.tenantId, 'suspended', 'admin'));
    expect(await actingAs(key.id)).toEqual(Array(5).fill('tenant_suspended'));
    await call((store) => store.moveTenant(ids.tenantId, 'active', 'admin'));
    await call((store) => store.revokeKey(key.id, ids.tenantId, false, 'admin'));
    expect(await actingAs(key.id)).toEqual(Array(5).fill('invalid_api_key'));
    const after = await call((store) => store.audit(100));
    const actions = ['key.revoke', 'tenant.active', 'tenant.suspended'];
    expect(after.ok && before.ok && after.value.slice(0, -before.value.length).map(({ action }) => action)).toEqual(actions);
    expect(await call((store) => store.keys(ids.tenantId, 10, undefined))).toMatchObject({
      value: { items: [{ id: key.id }, { id: other.id, revokedAtMs: null, secrets: [{ mac: MAC }] }, { id: expired.id }] },
    });
  });

  it('[T9] gives no key to the project of another tenant', async () => {
    const { found, addTenant, call, ids, tenant } = organisation(410, false);
    await found();
    await addTenant();
    const { tenantId, projectId } = idsOf(411);
    const other = { id: projectId, tenantId, name: 'default', owner: 'ops', createdAtMs: 1 };
    expect(await call((store) => store.addTenant({ ...tenant, id: tenantId, name: 'other' }, other, ticket()))).toMatchObject({ ok: true });
    const key = newKey({ ...ids, mac: MAC });
    expect(await call((store) => store.addKey({ ...key, projectId }, ticket()))).toMatchObject({ error: { code: 'project_not_found' } });
    expect(await call((store) => store.addKey(key, ticket()))).toMatchObject({ ok: true });
  });

  it('allows at most projectsPerTenantMaxCount projects for each tenant', async () => {
    const { found, addTenant, call, ids } = organisation(420, false);
    await found();
    await addTenant();
    const add = (number: number) => {
      const project = { id: idsOf(1000 + number).projectId, tenantId: ids.tenantId, name: `p${number}`, owner: 'ops', createdAtMs: 1 };
      return call((store) => store.addProject(project, ticket()));
    };
    // The default project counts.
    for (let number = 1; number < TENANCY_LIMITS.projectsPerTenantMaxCount; number++) expect(await add(number)).toMatchObject({ ok: true });
    expect(await add(0)).toMatchObject({ error: { code: 'limit_exceeded' } });
  });

  it('[T10] creates one resource for concurrent repetitions', async () => {
    const { found, call, tenant, project } = organisation(310, false);
    await found();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => call((store) => store.addTenant(tenant, project, ticket()))));
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(await call((store) => store.tenants(10, undefined))).toMatchObject({ value: { items: [tenant] } });
  });
});

describe('DirectoryObject', () => {
  it('lists organisations in order, each once', async () => {
    const directory = DIRECTORY.get(DIRECTORY.idFromName('directory-test')) as unknown as OrganisationDirectory;
    expect(await directory.page(10, undefined)).toEqual({ items: [], hasMore: false });
    const organisations = [1, 2, 3].map((number) => ({
      id: idsOf(number).organisationId,
      name: 'same',
      owner: 'ops',
      createdAtMs: number,
    }));
    for (const item of [...organisations, ...organisations]) expect(await directory.add(item, 'digest')).toMatchObject({ ok: true });
    expect(await directory.page(2, undefined)).toEqual({ items: organisations.slice(0, 2), hasMore: true });
    expect(await directory.page(2, organisations[1]?.id)).toEqual({ items: organisations.slice(2), hasMore: false });
  });

  it('[T65] lists the organisations with unsigned ids, and stores nothing when there are none', async () => {
    const stub = DIRECTORY.get(DIRECTORY.idFromName('directory-of-two-ages'));
    const directory = stub as unknown as OrganisationDirectory;
    expect(await directory.unsigned()).toEqual([]);
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'documents'").toArray(),
    );
    expect(tables).toEqual([]);
    const [before, since] = [idsOf(1).organisationId, organisationId('4v9k2m7q1xb6d8w0f3')];
    for (const id of [before, since]) await directory.add({ id, name: 'n', owner: 'ops', createdAtMs: 1 }, 'digest');
    expect(await directory.unsigned()).toEqual([before]);
  });
});
