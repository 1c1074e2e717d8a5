import { describe, expect, it } from 'vitest';

import type { PurgeCommand, PurgeRecord, PurgeSelection } from '../../../../src/cache/purge-predicate.ts';
import type { PurgeBody } from '../../../../src/contract/caches/cache.ts';
import { cacheEndpoints } from '../../../../src/contract/caches/cache.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import type { Principal } from '../../../../src/contract/api/principal.ts';
import { CachePurger } from '../../../../src/gateway/caches/purge-cache.ts';
import type { Acting } from '../../../../src/gateway/tenancy/authority.ts';
import type { PurgeLogs } from '../../../../src/gateway/caches/purge-logs.ts';
import { ModelNames } from '../../../../src/gateway/models/model-names.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import type { CacheOwnerId, PurgeId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryCacheWorld, sha256 } from '../../../support/worlds/memory-cache-world.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

const TENANT = 'tn_0123456789_aaaaaaaa' as TenantId;
const OTHER = 'tn_0123456789_bbbbbbbb' as TenantId;
const ORGANISATION = 'org_0123456789';
const keyOf = (tenantId: TenantId): Principal => ({ kind: 'tenant', tenantId, keyId: 'key_1' }) as unknown as Principal;
const ADMIN: Principal = { kind: 'admin' };
const by = (principal: Principal): Acting<Principal> => ({ principal, authority: IN_FORCE });

const bodyOf = (body: object): PurgeBody => {
  const parsed = parse(cacheEndpoints.purgeCache.body.schema, body);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
};

function purger(sharing?: 'on' | 'off') {
  const commands: PurgeCommand[] = [];
  const counts: { owner: string; selection: PurgeSelection }[] = [];
  const trail: (string | undefined)[][] = [];
  const erased: string[][] = [];
  const world = { reachable: true, away: '', records: new Map<CacheOwnerId, PurgeRecord>() };
  const recordOf = (owner: CacheOwnerId): Outcome<PurgeRecord> => {
    const record = world.records.get(owner);
    return record === undefined ? refuse('purge_not_found', 'no', 'purge') : ok(record);
  };
  const logs: Omit<PurgeLogs, 'lease'> = {
    purge: async (command) => {
      commands.push(command);
      return recordOf(command.owner);
    },
    find: async (owner) => recordOf(owner),
    count: async (owner, selection) => {
      counts.push({ owner, selection });
      return ok({ entries: 2, bytes: 10 });
    },
    eraseTenant: async (owner, tenantId) => {
      erased.push([owner, tenantId]);
      return owner === world.away ? refuse('unavailable', 'away') : ok(null);
    },
    left: async (owner) => (owner === world.away ? refuse('unavailable', 'away') : ok(3)),
  };
  const known = (tenant: TenantId) => (tenant === TENANT || tenant === OTHER ? ok({}) : refuse('tenant_not_found', 'no', 'tenant'));
  const store = {
    note: async (tenant: TenantId, ...entry: string[]) => {
      if (!world.reachable) throw new Error('away');
      trail.push([tenant, ...entry]);
      return known(tenant);
    },
    tenant: async (tenant: TenantId) => known(tenant),
    organisation: async () => ok(sharing === undefined ? {} : { cacheSharing: sharing }),
  };
  const organisations = { at: () => store } as unknown as Organisations;
  const { models: deployed } = new MemoryCacheWorld();
  // Of upstreams there are `openai/gpt-4o` and `alias`, which is an alias of a version, too.
  const models = new ModelNames({
    builtin: deployed.manifests,
    registries: () =>
      ({
        aliases: async () => [{ alias: 'alias', model: 'local', version: 1 }],
        find: async () => undefined,
        version: async () => undefined,
      }) as never,
    upstreams: () => ({
      model: async (_: string, name: string) => (['openai/gpt-4o', 'alias'].includes(name) ? ({} as never) : undefined),
    }),
  });
  const seeded = new Seeded(1);
  const rng = { bytes: (count: number) => Uint8Array.from({ length: count }, () => seeded.next() * 256) };
  const purges = new CachePurger({ logs: logs as PurgeLogs, organisations, models, sha256, rng });
  const commandFor = async (body: object, idempotencyKey?: string, tenant = TENANT) => {
    await purges.purge(by(keyOf(tenant)), bodyOf(body), idempotencyKey);
    return commands.at(-1);
  };
  return { purges, commands, counts, trail, erased, world, commandFor };
}

describe('a purge', () => {
  it.each<[object, PurgeSelection]>([
    [{ everything: true }, {}],
    [{ model: 'local' }, { models: ['local'] }],
    [{ model: 'local@1' }, { models: ['local@1'] }],
    [{ model: 'local', model_version: '1' }, { models: ['local@1'] }],
    [{ model: 'local@1', model_version: '1' }, { models: ['local@1'] }],
    [{ model: 'alias' }, { models: ['local@1', 'alias'] }],
    [{ model: 'alias', model_version: '1' }, { models: ['local@1'] }],
    [{ text: ['a', 'b', 'a'] }, { digests: [sha256('a'), sha256('b')] }],
    [{ text: ['a', 'b'], keys: [sha256('b'), sha256('c')] }, { digests: [sha256('b')] }],
    [{ everything: true, text: ['a'] }, { digests: [sha256('a')] }],
    [
      { keys: [`ids:${sha256('x')}`], tags: ['t'], prefix: 'docs/', older_than_ms: 60_000 },
      { digests: [`ids:${sha256('x')}`], tags: ['t'], tagPrefix: 'docs/', olderThanMs: 60_000 },
    ],
  ])('[C60] of %j selects exactly what it names', async (body, selection) => {
    const command = await purger().commandFor(body);
    expect(command).toEqual(expect.objectContaining({ owner: TENANT, selection, mode: 'hard', consistency: 'next-read' }));
  });

  it.each([
    { model: 'gpt' },
    { model: 'openai/gpt-5' },
    { model: 'local@2' },
    { model: 'local', model_version: '2' },
    { model: 'local@1', model_version: '2' },
    { model: 'openai/gpt-4o', model_version: '1' },
    { model: 'alias@2' },
  ])('[M98] of %j, a name that means nothing, is refused, logged and audited nowhere', async (body) => {
    const { purges, commands, counts, trail } = purger();
    for (const principal of [keyOf(TENANT), ADMIN]) {
      const asked = bodyOf({ ...body, tenant: TENANT });
      const refused = { error: { code: 'model_not_found', path: ['model'] } };
      expect(await purges.purge(by(principal), asked, undefined)).toMatchObject(refused);
      expect(await purges.count(principal, asked)).toMatchObject(refused);
    }
    expect([commands, counts, trail]).toEqual([[], [], []]);
  });

  it('[T55] by an alias needs a key that may access what the alias stands for', async () => {
    const { purges, commands } = purger();
    const restricted = { ...keyOf(TENANT), resources: ['model/alias'] } as Principal;
    expect(await purges.purge(by(restricted), bodyOf({ model: 'alias' }), undefined)).toMatchObject({ error: { code: 'scope_denied' } });
    expect(commands).toEqual([]);
  });

  it('[U124] takes the model of an upstream by its name', async () => {
    expect(await purger().commandFor({ model: 'openai/gpt-4o' })).toMatchObject({ selection: { models: ['openai/gpt-4o'] } });
  });

  it('[C9] has the same id for the same idempotency key, and a digest that distinguishes bodies', async () => {
    const { commandFor } = purger();
    const first = await commandFor({ text: ['a'] }, 'once');
    expect(first?.purgeId).toMatch(/^pg_[0-9a-z]{26}$/);
    expect(await commandFor({ text: ['a'] }, 'once')).toEqual(first);
    for (const more of [{ model: 'local' }, { mode: 'soft' }, { consistency: 'fast' }, { older_than_ms: 5000 }]) {
      const other = await commandFor({ text: ['a'], ...more }, 'once');
      expect([other?.purgeId, other?.bodyDigest === first?.bodyDigest], JSON.stringify(more)).toEqual([first?.purgeId, false]);
    }
    const fresh = await Promise.all([
      commandFor({ text: ['a'] }, 'twice'),
      commandFor({ text: ['a'] }),
      commandFor({ text: ['a'] }, 'once', OTHER),
    ]);
    expect(new Set([first?.purgeId, ...fresh.map((command) => command?.purgeId)]).size).toBe(4);
  });

  it('[C64] is in the audit trail with its caller before it happens, or does not happen', async () => {
    const { purges, commands, commandFor, trail, world } = purger();
    const command = await commandFor({ everything: true });
    expect(trail).toEqual([[TENANT, 'cache.purge', 'key_1', command?.purgeId]]);
    world.reachable = false;
    expect(await purges.purge(by(keyOf(TENANT)), bodyOf({ everything: true }), undefined)).toMatchObject({
      error: { code: 'unavailable' },
    });
    expect(commands).toHaveLength(1);
  });

  it('[C65] applies to the tenant of the key; the admin names an existing one', async () => {
    const { purges, commands } = purger();
    const tried = (principal: Principal, tenant?: string) =>
      purges.purge(by(principal), { ...bodyOf({ everything: true }), tenant: tenant as TenantId }, undefined);
    expect(await tried(keyOf(TENANT), OTHER)).toMatchObject({ error: { code: 'tenant_not_found' } });
    expect(await tried(ADMIN)).toMatchObject({ error: { code: 'scope_denied', path: ['tenant'] } });
    expect(await tried(ADMIN, 'tn_0123456789_cccccccc')).toMatchObject({ error: { code: 'tenant_not_found' } });
    expect(commands).toEqual([]);
    await tried(ADMIN, OTHER);
    await tried(keyOf(TENANT), TENANT);
    expect(commands.map(({ owner }) => owner)).toEqual([OTHER, TENANT]);
  });

  it.each(['on', 'off'] as const)('[C66] also purges the shared cache if sharing is or was on: %s', async (sharing) => {
    const { purges, commands, counts, world } = purger(sharing);
    const record = (position: number, effectiveAtMs: number, erased: boolean): PurgeRecord => {
      return { purgeId: 'pg_1' as PurgeId, position, mode: 'hard', consistency: 'fast', appendedAtMs: 1, effectiveAtMs, erased };
    };
    world.records.set(TENANT, record(3, 1000, true)).set(ORGANISATION as CacheOwnerId, record(70, 1200, false));
    const purged = await purges.purge(by(keyOf(TENANT)), bodyOf({ everything: true, consistency: 'fast' }), undefined);
    expect(commands.map(({ owner }) => owner)).toEqual([TENANT, ORGANISATION]);
    expect(purged).toEqual(ok(record(3, 1200, false)));
    expect(await purges.find(keyOf(TENANT), undefined, 'pg_1' as PurgeId)).toEqual(purged);
    expect(await purges.count(keyOf(TENANT), bodyOf({ everything: true }))).toEqual(ok({ entries: 4, bytes: 20 }));
    expect(counts.map(({ owner }) => owner)).toEqual([TENANT, ORGANISATION]);
    // Purges of the shared cache by another tenant are not visible to this one.
    world.records.delete(TENANT);
    expect(await purges.find(keyOf(TENANT), undefined, 'pg_1' as PurgeId)).toMatchObject({ error: { code: 'purge_not_found' } });
  });

  it('[T72] is not made after the authority of the caller has ended', async () => {
    const { purges, commands, trail } = purger();
    const ended = { lease: async () => refuse('invalid_api_key', 'the API key is not valid') };
    const purge = purges.purge({ principal: keyOf(TENANT), authority: ended }, bodyOf({ everything: true }), undefined);
    expect(await purge).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect([commands, trail.length]).toEqual([[], 1]);
  });

  it('[C67] that is a dry run is neither logged nor audited', async () => {
    const { purges, commands, counts, trail } = purger();
    expect(await purges.count(keyOf(TENANT), bodyOf({ tags: ['t'], dry_run: true }))).toEqual(ok({ entries: 2, bytes: 10 }));
    expect([commands, trail, counts]).toEqual([[], [], [{ owner: TENANT, selection: { tags: ['t'] } }]]);
  });
});

describe('the erasure of a tenant', () => {
  it.each([
    [undefined, [TENANT]],
    ['on', [TENANT, ORGANISATION]],
    ['off', [TENANT, ORGANISATION]],
  ] as const)('[T72] erases its own cache, and its entries in the shared one if sharing is or was on: %s', async (sharing, owners) => {
    const { purges, erased, trail, world } = purger(sharing);
    expect(await purges.eraseTenant(TENANT)).toEqual(ok(null));
    expect(erased).toEqual(owners.map((owner) => [owner, TENANT]));
    expect(await purges.left(TENANT)).toEqual(ok(3 * owners.length));
    expect(trail).toEqual([]);
    world.away = owners.at(-1) ?? '';
    expect(await purges.eraseTenant(TENANT)).toMatchObject({ error: { code: 'unavailable' } });
    expect(await purges.left(TENANT)).toMatchObject({ error: { code: 'unavailable' } });
  });
});
