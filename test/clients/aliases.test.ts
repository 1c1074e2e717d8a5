import { beforeAll, describe, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;
/** A client of the same tenant at another gateway isolate. */
let elsewhere: ApiClient;

beforeAll(async () => {
  tenant = await createTenant(server);
  elsewhere = new ApiClient(server.urls[1] ?? '', tenant.client.apiKey);
});

/** Creates an index with one vector, whose id is the index's name. */
async function createIndex(name: string, client = tenant.client): Promise<void> {
  expect((await client.post('/v1/indexes', { name, dimensions: 2, owner: 'search-team' })).status).toBe(201);
  await client.post(`/v1/indexes/${name}/upsert`, { vectors: [{ id: name, values: [1, 0] }] });
}

const nearest = async (client: ApiClient, index: string): Promise<string | undefined> =>
  (await client.post(`/v1/indexes/${index}/query`, { vector: [1, 0], top_k: 1 })).body.matches?.[0]?.id;

const aliasesOf = async (path: string): Promise<[string, string][]> =>
  (await tenant.client.get(path)).body.data.map(({ alias, index }: { alias: string; index: string }) => [alias, index]);

const refused = (status: number, code: string) => ({ status, body: { error: { code } } });

describe('aliases over HTTP', () => {
  it('[Q70] stand for their index in every call except those that create or delete one', async () => {
    await createIndex('Notes_2026.a');
    const set = await tenant.client.call('PUT', '/v1/indexes/Notes_2026.a/aliases/notes');
    expect([set.status, set.body]).toEqual([200, { object: 'alias', alias: 'notes', index: 'Notes_2026.a' }]);
    expect(await nearest(elsewhere, 'notes')).toBe('Notes_2026.a');
    expect((await elsewhere.get('/v1/indexes/notes')).body.name).toBe('Notes_2026.a');
    expect((await elsewhere.get('/v1/indexes/notes/stats')).body).toMatchObject({ name: 'Notes_2026.a', vectors: 1 });
    await elsewhere.post('/v1/indexes/notes/upsert', { vectors: [{ id: 'x', values: [0, 1] }] });
    expect((await tenant.client.post('/v1/indexes/Notes_2026.a/fetch', { ids: ['x'] })).body.vectors).toHaveLength(1);
    expect((await tenant.client.post('/v1/indexes/notes/count', {})).body.count).toBe(2);
    expect(await aliasesOf('/v1/indexes/notes/aliases')).toEqual([['notes', 'Notes_2026.a']]);

    expect(await tenant.client.delete('/v1/indexes/notes')).toMatchObject(refused(404, 'index_not_found'));
    const taken = await tenant.client.post('/v1/indexes', { name: 'notes', dimensions: 2, owner: 'search-team' });
    expect(taken).toMatchObject(refused(409, 'already_exists'));
    expect(await tenant.client.call('PUT', '/v1/indexes/Notes_2026.a/aliases/Notes_2026.a')).toMatchObject(refused(409, 'already_exists'));
  });

  it('[Q71] change all or none in a call, and are deleted with their index', async () => {
    for (const name of ['old', 'new']) await createIndex(name);
    const change = (...actions: object[]) => tenant.client.post('/v1/aliases', { actions });
    const made = await change(
      { set: { alias: 'a1', index: 'old' } },
      { set: { alias: 'a2', index: 'old' } },
      { rename: { alias: 'a2', to: 'a3' } },
    );
    expect(made.body).toEqual({ object: 'aliases.changed', actions: 3 });
    expect(await aliasesOf('/v1/indexes/old/aliases')).toEqual([
      ['a1', 'old'],
      ['a3', 'old'],
    ]);
    const failing = [
      [{ set: { alias: 'a1', index: 'new' } }, { remove: { alias: 'a2' } }],
      [{ remove: { alias: 'a1' } }, { set: { alias: 'a4', index: 'none' } }],
      [{ rename: { alias: 'a1', to: 'a5' } }, { remove: { alias: 'a1' } }],
    ];
    const codes = ['alias_not_found', 'index_not_found', 'alias_not_found'];
    for (const [i, actions] of failing.entries()) expect(await change(...actions)).toMatchObject(refused(404, codes[i] ?? ''));
    expect(await aliasesOf('/v1/indexes/old/aliases')).toEqual([
      ['a1', 'old'],
      ['a3', 'old'],
    ]);
    expect(await tenant.client.delete('/v1/indexes/new/aliases/a1')).toMatchObject(refused(404, 'alias_not_found'));

    expect(await nearest(elsewhere, 'a1')).toBe('old');
    await tenant.client.delete('/v1/indexes/old');
    // Within the second for which the other gateway caches the alias.
    expect(await elsewhere.post('/v1/indexes/a1/query', { vector: [1, 0] })).toMatchObject(refused(404, 'index_not_found'));
    expect((await aliasesOf('/v1/aliases?limit=1000')).filter(([, index]) => index === 'old')).toEqual([]);
    await createIndex('a1');
    expect(await nearest(elsewhere, 'a1')).toBe('a1');
  });

  it('[Q72] after a switch is answered, every later call at any gateway uses the new index', async () => {
    for (const name of ['blue', 'green']) await createIndex(name);
    await tenant.client.call('PUT', '/v1/indexes/blue/aliases/live');
    let isSwitched = false;
    const found: { readonly id: string | undefined; readonly isAfter: boolean }[] = [];
    const reading = (async () => {
      for (let after = 0; after < 30;) {
        const isAfter = isSwitched;
        found.push({ id: await nearest(elsewhere, 'live'), isAfter });
        if (isAfter) after += 1;
      }
    })();
    await expect.poll(() => found.length).toBeGreaterThan(3);
    await tenant.client.call('PUT', '/v1/indexes/green/aliases/live');
    isSwitched = true;
    await reading;
    const before = found.filter(({ isAfter }) => !isAfter);
    expect(before.filter(({ id }) => id === 'blue').length).toBeGreaterThan(3);
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(['blue', 'green']));
    expect(new Set(found.filter(({ isAfter }) => isAfter).map(({ id }) => id))).toEqual(new Set(['green']));
  });

  it('[Q73] of one tenant are unknown to another', async () => {
    const other = await createTenant(server);
    await createIndex('mine', other.client);
    await createIndex('theirs');
    await tenant.client.call('PUT', '/v1/indexes/theirs/aliases/shared');
    expect(await other.client.post('/v1/indexes/shared/query', { vector: [1, 0] })).toMatchObject(refused(404, 'index_not_found'));
    expect((await other.client.get('/v1/aliases')).body.data).toEqual([]);
    await other.client.call('PUT', '/v1/indexes/mine/aliases/shared');
    expect([await nearest(tenant.client, 'shared'), await nearest(other.client, 'shared')]).toEqual(['theirs', 'mine']);
  });
});
