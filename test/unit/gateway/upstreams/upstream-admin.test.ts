import { beforeEach, describe, expect, it } from 'vitest';

import { UPSTREAM_LIMITS } from '../../../../src/contract/upstreams/upstream-limits.ts';
import type { Principal } from '../../../../src/contract/api/principal.ts';
import type { CreateUpstreamBody } from '../../../../src/contract/upstreams/upstreams.ts';
import { leaseFrom } from '../../../../src/contract/tenancy/write-lease.ts';
import { UpstreamChecker } from '../../../../src/gateway/upstreams/upstream-checker.ts';
import { judgeProbe } from '../../../../src/upstreams/upstream-check.ts';
import { parseUpstreamHosts } from '../../../../src/upstreams/upstream-host.ts';
import { PLATFORM } from '../../../../src/upstreams/upstream-record.ts';
import { PEPPER, SECRET, tenantOf, upstreamBody, UpstreamStoreWorld } from '../../../support/worlds/upstream-store-world.ts';

const ADMIN: Principal = { kind: 'admin' };
const ONE = tenantOf(1);
const TWO = tenantOf(2);
const KEY = 'a key for secrets, of thirty-two characters';

let world: UpstreamStoreWorld;

beforeEach(() => {
  world = new UpstreamStoreWorld();
});

const add = (principal: Principal, more: Partial<CreateUpstreamBody> = {}, key?: string) =>
  world.admin().create(world.caller(principal), upstreamBody(more), key);
const namesOf = async (principal: Principal) => (await world.admin().list(principal, 10)).items.map(({ name }) => name);

describe('the upstreams of an owner', () => {
  it("[U1] are a tenant's own, and the platform's those of the admin", async () => {
    await add(ONE);
    await add(ADMIN, { name: 'shared' });
    expect([await namesOf(ONE), await namesOf(TWO), await namesOf(ADMIN)]).toEqual([['openai'], [], ['shared']]);
    for (const other of [TWO, ADMIN]) {
      expect(await world.admin().find(other, 'openai')).toMatchObject({ error: { code: 'upstream_not_found' } });
      expect(await world.admin().change(world.caller(other), 'openai', { weight: 2 })).toMatchObject({
        error: { code: 'upstream_not_found' },
      });
      expect(await world.admin().remove(world.caller(other), 'openai')).toMatchObject({ error: { code: 'upstream_not_found' } });
    }
    expect(world.audit.filter((line) => line.startsWith(ONE.tenantId))).toEqual([`${ONE.tenantId} upstream.create openai`]);
  });

  it('[U1] are added once under an idempotency key, and not again after they were deleted', async () => {
    const made = await add(ONE, {}, 'key');
    world.nowMs += 1_000;
    expect(await add(ONE, {}, 'key')).toEqual(made);
    expect(await add(ONE, { secret: `${SECRET}2` }, 'key')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect(await add(ONE)).toMatchObject({ error: { code: 'already_exists' } });
    await world.admin().remove(world.caller(ONE), 'openai');
    expect(await add(ONE, {}, 'key')).toMatchObject({ error: { code: 'idempotency_key_spent' } });
    expect(await namesOf(ONE)).toEqual([]);
  });

  it('[U1] change under a lease in force, and only as the record that was read', async () => {
    await add(ONE);
    const registry = world.registry(ONE.tenantId);
    const { createdAtMs, updatedAtMs, ...read } = registry.find('openai')!;
    const lease = leaseFrom(world.nowMs);
    expect(registry.change({ next: { ...read, weight: 2 }, basedOn: updatedAtMs }, lease)).toMatchObject({
      ok: true,
      value: { createdAtMs },
    });
    expect(registry.change({ next: { ...read, weight: 3 }, basedOn: updatedAtMs }, lease)).toMatchObject({
      error: { code: 'state_conflict' },
    });
    world.nowMs = lease.endsAtMs;
    expect(registry.remove('openai', lease)).toMatchObject({ error: { code: 'lease_expired' } });
    expect(registry.find('openai')?.weight).toBe(2);
  });

  it('[U1] are limited in number', async () => {
    for (let at = 0; at < UPSTREAM_LIMITS.upstreamsMaxCount; at += 1)
      expect((await add(ONE, { name: `u-${at}`, models: [] })).ok).toBe(true);
    expect(await add(ONE, { name: 'one-more' })).toMatchObject({ error: { code: 'limit_exceeded', limit: { name: 'upstreamsMaxCount' } } });
  });

  it('[U2] are refused where they contradict themselves, naming the field', async () => {
    const [model] = upstreamBody().models;
    const refused = async (models: CreateUpstreamBody['models']) => {
      const made = await add(ONE, { models });
      return made.ok ? made : [made.error.code, made.error.path];
    };
    expect(await refused([model!, model!])).toEqual(['invalid_value', ['models', 1, 'name']]);
    expect(await refused([{ ...model!, output_tokens_max: 1_001 }])).toEqual(['invalid_value', ['models', 0, 'output_tokens_max']]);
    const { output_tokens_max: _most, ...endless } = model!;
    expect(await refused([endless])).toEqual(['invalid_value', ['models', 0, 'output_tokens_max']]);
    expect(await refused([{ ...endless, serves: ['rerank', 'responses'] }])).toEqual(['invalid_value', ['models', 0, 'output_tokens_max']]);
    const large = Array.from({ length: 256 }, (_, at) => ({ ...model!, name: `${at}-${'x'.repeat(120)}`, upstream_name: 'é'.repeat(128) }));
    expect(await refused(large)).toEqual(['limit_exceeded', ['models']]);
    expect(await namesOf(ONE)).toEqual([]);
  });

  it('[U2] need no length of answers for models that generate none', async () => {
    const { output_tokens_max: _, ...model } = upstreamBody().models[0]!;
    const made = await add(ONE, { models: [{ ...model, serves: ['embeddings', 'rerank', 'moderations'] }] });
    expect(made).toMatchObject({ ok: true, value: { models: [{ name: 'small', contextTokens: 1_000 }] } });
  });

  it('[U2] keep what a change does not name, and lose a limit that it lifts', async () => {
    await add(ONE, { limits: { concurrency: 4, requests_per_minute: 10 }, timeouts: { idle_ms: 5 } });
    const changed = await world.admin().change(world.caller(ONE), 'openai', { limits: { concurrency: null, tokens_per_minute: 7 } });
    expect(changed).toMatchObject({
      value: {
        baseUrl: 'https://api.openai.com/v1',
        limits: { requestsPerMinute: 10, tokensPerMinute: 7 },
        timeouts: { idleMs: 5, connectMs: 10_000 },
        models: [{ name: 'small', upstreamName: 'small' }],
        secret: { hint: 'tail' },
      },
    });
    expect(changed.ok && 'concurrency' in changed.value.limits).toBe(false);
  });

  it('[U3] are refused at hosts that may not be called, added and changed', async () => {
    expect(await add(ONE, { base_url: 'https://10.0.0.1/v1' })).toMatchObject({ error: { code: 'address_denied', path: ['base_url'] } });
    await add(ONE);
    const moved = await world.admin().change(world.caller(ONE), 'openai', { base_url: 'http://127.0.0.1:1', secret: 'x' });
    expect(moved).toMatchObject({ error: { code: 'address_denied' } });
  });

  it('[U7] are gone with the erasure of their tenant, and none is added afterwards', async () => {
    await add(ONE, {}, 'key');
    await add(TWO);
    const registry = world.registry(ONE.tenantId);
    registry.erase();
    expect([registry.count(), registry.snapshot(null)?.upstreams, await namesOf(TWO)]).toEqual([0, [], ['openai']]);
    expect(await add(ONE, {}, 'key')).toMatchObject({ error: { code: 'tenant_suspended' } });
    expect(dump(ONE.tenantId)).not.toContain('openai');
  });
});

/** All that an object has stored. */
function dump(owner: string): string {
  const { sql } = world.stored.get(owner)!;
  const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").toArray();
  return JSON.stringify(tables.map(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray()));
}

describe('the secret of an upstream', () => {
  it('[U4] stands nowhere in what is stored or answered, and opens for its upstream', async () => {
    const made = await add(ONE, {}, 'key');
    const list = await world.admin().list(ONE, 10);
    expect(JSON.stringify([made, list, world.audit]) + dump(ONE.tenantId)).not.toContain(SECRET);
    expect(made).toMatchObject({ value: { secret: { hint: 'tail', updatedAtMs: world.nowMs } } });
    const short = await add(ONE, { name: 'short', secret: 'fifteen-charact' });
    expect(short).toMatchObject({ value: { secret: { hint: null } } });
    const sealed = world.registry(ONE.tenantId).find('openai')?.secret?.sealed ?? '';
    const of = { owner: ONE.tenantId as string, upstream: 'openai', origin: 'https://api.openai.com' };
    const box = world.secrets(PEPPER);
    expect(await box.open(sealed, of)).toBe(SECRET);
    for (const other of [{ owner: PLATFORM }, { upstream: 'other' }, { origin: 'https://api.openai.com:8443' }])
      expect(await box.open(sealed, { ...of, ...other }), JSON.stringify(other)).toBeUndefined();
    expect(await world.secrets(KEY).open(sealed, of)).toBeUndefined();
    for (const changed of [
      sealed.slice(0, -2),
      sealed.replace('v1.', 'v2.'),
      `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`,
      '',
      'v1..x.',
    ])
      expect(await box.open(changed, of), changed).toBeUndefined();
  });

  it('[U4] is sealed anew by the next change after the deployment has got another key', async () => {
    await add(ONE);
    const sealedNow = () => world.registry(ONE.tenantId).find('openai')?.secret?.sealed ?? '';
    const before = sealedNow();
    const both = world.secrets(KEY, PEPPER);
    expect([await both.isCurrent(before), await world.secrets(PEPPER).isCurrent(before)]).toEqual([false, true]);
    expect((await world.admin(both).change(world.caller(ONE), 'openai', { weight: 2 })).ok).toBe(true);
    const of = { owner: ONE.tenantId as string, upstream: 'openai', origin: 'https://api.openai.com' };
    expect([await world.secrets(KEY).open(sealedNow(), of), await world.secrets(PEPPER).open(sealedNow(), of)]).toEqual([
      SECRET,
      undefined,
    ]);
    const after = sealedNow();
    await world.admin(both).change(world.caller(ONE), 'openai', { weight: 3 });
    expect(sealedNow()).toBe(after);
  });

  it('[U5] is sent to no other server: another scheme, host or port needs it anew', async () => {
    await add(ONE);
    const admin = world.admin(undefined, 'api.openai.com:8080');
    const change = (body: Parameters<typeof admin.change>[2]) => admin.change(world.caller(ONE), 'openai', body);
    for (const base_url of ['https://evil.example.com/v1', 'http://api.openai.com:8080/v1'])
      expect(await change({ base_url }), base_url).toMatchObject({ error: { code: 'invalid_value', path: ['secret'] } });
    expect(await change({ base_url: 'https://api.openai.com/v2' })).toMatchObject({
      ok: true,
      value: { baseUrl: 'https://api.openai.com/v2' },
    });
    expect(await change({ base_url: 'https://evil.example.com/v1', secret: 'another-secret-for-it' })).toMatchObject({ ok: true });
    expect(await change({ base_url: 'https://api.openai.com/v1', secret: null })).toMatchObject({ ok: true, value: { secret: null } });
    expect(await change({ base_url: 'https://evil.example.com/v1' })).toMatchObject({ ok: true });
  });
});

describe('what an isolate knows of upstreams', () => {
  const visibleNames = async (directory: ReturnType<typeof world.directory>['directory']) => {
    const visible = await directory.visible(ONE);
    return visible.ok
      ? [visible.value.own, visible.value.platform].map((targets) => targets.map(({ upstreamId, model }) => [upstreamId, model.name]))
      : visible.error.code;
  };

  it("[U6] is the tenant's own and the platform's, with their secrets apart", async () => {
    await add(ONE);
    await add(TWO, { name: 'foreign' });
    await add(ADMIN, { secret: 'the-secret-of-the-platform' });
    const { directory } = world.directory();
    expect(await visibleNames(directory)).toEqual([[[`${ONE.tenantId}/openai`, 'small']], [['platform/openai', 'small']]]);
    const visible = await directory.visible(ONE);
    if (!visible.ok) throw new Error('visible');
    const [own, platform] = [visible.value.own[0]!, visible.value.platform[0]!];
    expect([await directory.secretOf(own), await directory.secretOf(platform)]).toEqual([SECRET, 'the-secret-of-the-platform']);
    expect(JSON.stringify(visible)).not.toContain(SECRET);
  });

  it('[U6] is a second old at most, asked for by one message of an isolate that is busy', async () => {
    await add(ONE);
    const { directory, settled } = world.directory();
    await visibleNames(directory);
    world.asked.length = 0;
    world.nowMs += UPSTREAM_LIMITS.upstreamRenewedAfterMs - 1;
    await visibleNames(directory);
    expect(world.asked).toEqual([]);
    await world.admin().change(world.caller(ONE), 'openai', { models: [] });
    world.nowMs += 1;
    // It is asked for beside the request, which goes on with what is known; and once.
    expect(await visibleNames(directory)).toEqual([[[`${ONE.tenantId}/openai`, 'small']], []]);
    await visibleNames(directory);
    expect(world.asked.toSorted()).toEqual([PLATFORM, ONE.tenantId].toSorted());
    await settled();
    expect(await visibleNames(directory)).toEqual([[], []]);
    await world.admin().remove(world.caller(ONE), 'openai');
    await add(ONE, { name: 'other' });
    world.nowMs += UPSTREAM_LIMITS.upstreamFreshMs;
    expect(await visibleNames(directory)).toEqual([[[`${ONE.tenantId}/other`, 'small']], []]);
  });

  it('[U6] sees at once what was changed from its own isolate, and keeps its copy where it cannot', async () => {
    await add(ONE);
    const { directory } = world.directory();
    await visibleNames(directory);
    world.changed = (owner) => directory.changed(owner);
    await add(ONE, { name: 'second' });
    const both = ['openai', 'second'].map((name) => [`${ONE.tenantId}/${name}`, 'small']);
    expect(await visibleNames(directory)).toEqual([both, []]);
    await add(ADMIN, { name: 'shared' });
    expect(await visibleNames(directory)).toEqual([both, [['platform/shared', 'small']]]);
    await world.admin().remove(world.caller(ONE), 'second');
    expect(await visibleNames(directory)).toEqual([both.slice(0, 1), [['platform/shared', 'small']]]);
    await world.admin().change(world.caller(ONE), 'openai', { models: [] });
    world.isReachable = false;
    expect(await visibleNames(directory)).toEqual([both.slice(0, 1), [['platform/shared', 'small']]]);
  });

  it('[U6] serves for five minutes while the objects do not answer, and not longer', async () => {
    await add(ONE);
    const { directory, settled } = world.directory();
    const before = await visibleNames(directory);
    world.isReachable = false;
    world.nowMs += UPSTREAM_LIMITS.upstreamStaleMs - 1;
    expect(await visibleNames(directory)).toEqual(before);
    world.nowMs += 1;
    expect(await visibleNames(directory)).toBe('unavailable');
    await settled();
    world.isReachable = true;
    expect(await visibleNames(directory)).toEqual(before);
    world.isReachable = false;
    expect(await visibleNames(world.directory().directory)).toBe('unavailable');
  });

  it('[U3] [U6] leaves out what may not be called any more, and what cannot be opened', async () => {
    await add(ONE);
    await add(ONE, { name: 'elsewhere', base_url: 'https://api.example.com' });
    await add(ONE, { name: 'open', base_url: 'https://api.example.com', secret: undefined });
    const names = async (...parts: Parameters<typeof world.directory>) => {
      const visible = await world.directory(...parts).directory.visible(ONE);
      return visible.ok ? visible.value.own.map(({ upstream }) => upstream) : visible;
    };
    expect(await names()).toEqual(['elsewhere', 'open', 'openai']);
    expect(await names(undefined, 'api.openai.com')).toEqual(['openai']);
    expect(await names(world.secrets(KEY))).toEqual(['open']);
  });

  it('[U6] forgets the owners that it was asked for the longest time ago, by number and by bytes', async () => {
    const { directory } = world.directory();
    for (let number = 1; number <= UPSTREAM_LIMITS.upstreamOwnersKnownMaxCount + 1; number += 1) await directory.visible(tenantOf(number));
    world.asked.length = 0;
    await directory.visible(tenantOf(UPSTREAM_LIMITS.upstreamOwnersKnownMaxCount + 1));
    expect(world.asked).toEqual([]);
    await directory.visible(tenantOf(1));
    expect(world.asked).toContain(tenantOf(1).tenantId);
  });
});

describe('Workers AI', () => {
  it('[U11] is stored for the platform alone, where there is the binding, for chats and embeddings', async () => {
    const byBinding = (more: Partial<CreateUpstreamBody> = {}) =>
      upstreamBody({ name: 'ai', protocol: 'workers-ai', base_url: 'binding:AI', ...more });
    const addTo = (principal: Principal, body = byBinding()) => world.admin().create(world.caller(principal), body, undefined);
    expect(await addTo(ADMIN)).toMatchObject({ ok: false, error: { code: 'address_denied', path: ['base_url'] } });
    world.hasWorkersAi = true;
    expect(await addTo(ONE)).toMatchObject({ ok: false, error: { code: 'scope_denied', path: ['protocol'] } });
    const [model] = upstreamBody().models;
    expect(await addTo(ADMIN, byBinding({ models: [{ ...model!, serves: ['rerank'] }] }))).toMatchObject({
      error: { code: 'invalid_value', path: ['models', 0, 'serves'] },
    });
    expect(await addTo(ADMIN)).toMatchObject({ ok: true });
    // A deployment that has lost the binding has no targets of it.
    const known = () => world.directory().directory.visible(tenantOf(1));
    expect(await known()).toMatchObject({ value: { platform: [{ protocol: 'workers-ai' }] } });
    world.hasWorkersAi = false;
    expect(await known()).toMatchObject({ value: { platform: [] } });
  });
});

describe('the models of upstreams in a list', () => {
  it('[U9] are listed by the names that calls say, each once, page by page', async () => {
    const model = upstreamBody().models[0]!;
    await add(ONE, { models: [model, { ...model, name: 'b' }] });
    await add(ONE, { name: 'other', models: [{ ...model, name: 'a', serves: ['embeddings'], context_tokens: 7_000 }, model] });
    const registry = world.registry(ONE.tenantId);
    expect(registry.models([], '', 10).map(({ id, owned_by: by, task, max_input_tokens: tokens }) => [id, by, task, tokens])).toEqual([
      ['a', 'other', 'embeddings', 7_000],
      ['b', 'openai', 'chat', 1_000],
      ['small', 'openai', 'chat', 1_000],
    ]);
    expect(registry.models([], 'a', 1).map(({ id }) => id)).toEqual(['b']);
    const routes = ['b', 'desk'].map((name) => ({ name, createdAtMs: 5_000 }));
    expect(registry.models(routes, 'a', 2).map(({ id, owned_by: by, created }) => [id, by, created])).toEqual([
      ['b', 'route', 5],
      ['desk', 'route', 5],
    ]);
    expect(registry.model(routes, 'b')).toMatchObject({ id: 'b', owned_by: 'route', task: 'route' });
    expect(registry.model(routes, 'openai/b')).toMatchObject({ id: 'openai/b', owned_by: 'openai' });
    expect(registry.model([], 'small')).toMatchObject({ id: 'small', owned_by: 'openai', max_input_tokens: 1_000 });
    expect(registry.model([], 'other/none')).toBeUndefined();
  });
});

describe('a check', () => {
  const models = upstreamBody().models.map(({ name }) => ({ name, upstreamName: `${name}-1` }));
  const judged = (status: number, text = '') => {
    const { verdict, isReachable, isAuthorised, models: found } = judgeProbe({ models: models as never }, { kind: 'answer', status, text });
    return [verdict, isReachable, isAuthorised, found[0]?.isFound];
  };

  it('[U8] reports the first thing that is wrong, and what could not be determined', () => {
    expect(judged(200, '{"data":[{"id":"small-1"},{"id":"x"}]}')).toEqual(['ok', true, true, true]);
    expect(judged(200, '{"data":[{"id":"small"},null,7]}')).toEqual(['models_missing', true, true, false]);
    for (const [status, text] of [
      [200, '<html>'],
      [200, '{"data":{}}'],
      [200, 'null'],
      [404, ''],
      [405, ''],
    ] as const)
      expect(judged(status, text), `${status} ${text}`).toEqual(['not_listed', true, undefined, undefined]);
    for (const status of [401, 403]) expect(judged(status)).toEqual(['unauthorised', true, false, undefined]);
    for (const status of [301, 307]) expect(judged(status)).toEqual(['redirected', true, undefined, undefined]);
    for (const status of [400, 429, 500]) expect(judged(status)).toEqual(['failed', true, undefined, undefined]);
    for (const why of ['unreachable', 'timeout'] as const)
      expect(judgeProbe({ models: [] }, { kind: 'none', why })).toMatchObject({
        verdict: why,
        isReachable: false,
        isAuthorised: undefined,
      });
  });

  it('[U8] goes to the host that is allowed with the secret of the caller, and to no other', async () => {
    const asked: unknown[] = [];
    const checker = (secrets = world.secrets(PEPPER), allowed = '') =>
      new UpstreamChecker({
        upstreams: (owner) => ({ find: async (name) => world.registry(owner).find(name) }),
        secrets,
        hosts: parseUpstreamHosts(allowed)!,
        groups: world.groups,
        probe: async (url, headers) => {
          asked.push([url, headers]);
          return { kind: 'answer', status: 200, text: '{"data":[{"id":"small"}]}' };
        },
        routes: () => ({ directory: () => Promise.reject(new Error('what cannot be read is not missing [U225]')) }),
        clock: world.clock,
      });
    await add(ONE);
    await add(ONE, { name: 'claude', protocol: 'anthropic' });
    expect(await checker().check(ONE, 'openai')).toMatchObject({ ok: true, value: { verdict: 'ok', findings: [{ code: 'no_limits' }] } });
    await checker().check(ONE, 'claude');
    expect(asked).toEqual([
      ['https://api.openai.com/v1/models', { authorization: `Bearer ${SECRET}` }],
      ['https://api.openai.com/v1/models', { 'x-api-key': SECRET, 'anthropic-version': '2023-06-01' }],
    ]);
    asked.length = 0;
    expect(await checker().check(TWO, 'openai')).toMatchObject({ error: { code: 'upstream_not_found' } });
    expect(await checker(undefined, 'example.com').check(ONE, 'openai')).toMatchObject({ error: { code: 'address_denied' } });
    expect(await checker(world.secrets(KEY)).check(ONE, 'openai')).toMatchObject({ error: { code: 'state_conflict' } });
    expect(asked).toEqual([]);
  });
});
