import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { SCOPES } from '../../src/contract/api/principal.ts';
import type { Server } from '../../workers/local/serve.ts';
import { serve } from '../../workers/local/serve.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const stateDir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-lost-'));
let server: Server;

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const start = async () => {
  // The sweep of empty files runs all the time.
  server = await serve({ ports: [await freePort()], stateDir, variables: { LOG_LEVEL: 'warn' }, sweepEveryMs: 200 });
  return server.urls[0] ?? '';
};

/** The files of all objects of a class. */
const filesOf = (kind: string): string[] => {
  const folder = join(stateDir, 'storage/do', kind);
  return readdirSync(folder)
    .filter((file) => /^[\da-f]{64}\.sqlite/.test(file))
    .map((file) => join(folder, file));
};
const databasesOf = (kind: string): string[] => filesOf(kind).filter((file) => file.endsWith('.sqlite'));
const SHARDS = 'sluice-shards-ShardObject';
const [INDEXES, REGISTRIES, ORGANISATIONS] = ['IndexObject', 'RegistryObject', 'OrganisationObject'].map(
  (name) => `sluice-objects-${name}`,
) as [string, string, string];

/** Loses what an object stored: empties its database and deletes its journal. */
function empty(database: string): void {
  truncateSync(database, 0);
  for (const journal of ['-wal', '-shm']) rmSync(database + journal, { force: true });
}

const vectors = Array.from({ length: 50 }, (_, n) => ({ id: `v${n}`, values: [1, n] }));

async function fill({ client }: TestTenant, ...names: string[]): Promise<void> {
  for (const name of names) {
    expect((await client.post('/v1/indexes', { name, dimensions: 2, owner: 'testers' })).status).toBe(201);
    expect((await client.post(`/v1/indexes/${name}/upsert`, { vectors })).status).toBe(200);
  }
}

/** What `make` returns, and the database of the object that it created. */
async function withDatabase<T>(kind: string, make: () => Promise<T>): Promise<[T, string]> {
  const before = existsSync(join(stateDir, 'storage/do', kind)) ? databasesOf(kind) : [];
  const made = await make();
  const [database, ...others] = databasesOf(kind).filter((path) => !before.includes(path));
  expect(others).toEqual([]);
  return [made, database ?? expect.fail(`nothing of ${kind} was made`)];
}

const LOST = { status: 503, body: { error: { code: 'unavailable' } } };

/** Every call is refused with a retryable error, however often it is repeated. */
async function expectLost(calls: Readonly<Record<string, () => Promise<ApiAnswer>>>): Promise<void> {
  for (const [name, call] of [...Object.entries(calls), ...Object.entries(calls)]) {
    const answer = await call();
    expect({ name, status: answer.status, body: answer.body }).toMatchObject({ name, ...LOST });
    expect(answer.headers.get('x-should-retry'), name).toBe('true');
  }
}

const vectorCalls = (client: ApiClient) => ({
  query: () => client.post('/v1/indexes/kept/query', { vector: [1, 2] }),
  fetch: () => client.post('/v1/indexes/kept/fetch', { ids: ['v1'] }),
  list: () => client.post('/v1/indexes/kept/list', {}),
  count: () => client.post('/v1/indexes/kept/count', {}),
  upsert: () => client.post('/v1/indexes/kept/upsert', { vectors }),
  delete: () => client.post('/v1/indexes/kept/delete', { ids: ['v1'] }),
  deleteAll: () => client.post('/v1/indexes/kept/delete', { all: true }),
});

it('[G41] [G43] [T90] [T91] deleted indexes leave no files; lost storage is not taken for deleted or new', async () => {
  await start();
  const newTenant = (organisation?: string) =>
    createTenant(server, { scopes: SCOPES, ...(organisation === undefined ? {} : { organisation }) });
  const ofShard = await newTenant();
  const [, shard] = await withDatabase(SHARDS, () => fill(ofShard, 'kept'));
  const gone = Array.from({ length: 10 }, (_, n) => `gone-${n}`);
  await fill(ofShard, ...gone);
  for (const name of gone) expect((await ofShard.client.delete(`/v1/indexes/${name}`)).status).toBe(200);
  const ofIndex = await newTenant();
  const [, index] = await withDatabase(INDEXES, () => fill(ofIndex, 'kept'));
  const ofRegistry = await newTenant();
  const [, registry] = await withDatabase(REGISTRIES, () => fill(ofRegistry, 'kept'));
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const found = (at: ApiClient) => at.post('/v1/organisations', { name: 'lost', owner: 'testers' }, { 'idempotency-key': 'founded' });
  const [founded, organisation] = await withDatabase(ORGANISATIONS, () => found(admin));
  const ofOrganisation = await newTenant(founded.body.id);
  await fill(ofOrganisation, 'kept');
  // The runtime closes an object's files about ten seconds after its last call.
  if (process.env['SLUICE_TEST_FULL'] === '1') {
    await expect.poll(() => databasesOf(SHARDS).length + databasesOf(INDEXES).length, { timeout: 120_000 }).toBe(8);
    await fill(ofShard, 'gone-0', 'gone-1');
    for (const name of ['gone-0', 'gone-1']) expect((await ofShard.client.post(`/v1/indexes/${name}/count`, {})).body.count).toBe(50);
    for (const name of ['gone-0', 'gone-1']) expect((await ofShard.client.delete(`/v1/indexes/${name}`)).status).toBe(200);
  }
  await server.stop();
  expect([databasesOf(SHARDS).length, databasesOf(INDEXES).length]).toEqual([4, 4]);

  for (const database of [shard, index, registry, organisation]) empty(database);
  const url = await start();
  const at = ({ client }: TestTenant) => new ApiClient(url, client.apiKey);
  const create = (client: ApiClient, name: string) => client.post('/v1/indexes', { name, dimensions: 2, owner: 'testers' });

  await expectLost(vectorCalls(at(ofShard)));
  expect((await at(ofShard).get('/v1/indexes')).body.data).toHaveLength(1);

  await expectLost({
    ...vectorCalls(at(ofIndex)),
    describe: () => at(ofIndex).get('/v1/indexes/kept'),
    create: () => create(at(ofIndex), 'kept'),
    remove: () => at(ofIndex).delete('/v1/indexes/kept'),
  });
  expect((await create(at(ofIndex), 'next')).status).toBe(201);

  await expectLost({
    ...vectorCalls(at(ofRegistry)),
    describe: () => at(ofRegistry).get('/v1/indexes/kept'),
    page: () => at(ofRegistry).get('/v1/indexes'),
    create: () => create(at(ofRegistry), 'kept'),
    createNext: () => create(at(ofRegistry), 'next'),
    remove: () => at(ofRegistry).delete('/v1/indexes/kept'),
    alias: () => at(ofRegistry).call('PUT', '/v1/indexes/kept/aliases/other'),
    aliases: () => at(ofRegistry).get('/v1/aliases'),
    erasure: () => at(ofRegistry).get('/v1/erasures/ix_0123456789abcdef'),
  });

  const control = new ApiClient(url, admin.apiKey);
  const { id: tenant, keyId, organisation: id } = ofOrganisation;
  await expectLost({
    models: () => at(ofOrganisation).get('/v1/models'),
    query: () => at(ofOrganisation).post('/v1/indexes/kept/query', { vector: [1, 2] }),
    create: () => create(at(ofOrganisation), 'next'),
    found: () => found(control),
    tenants: () => control.get(`/v1/tenants?organisation=${id}`),
    addTenant: () => control.post('/v1/tenants', { organisation: id, name: 'next', owner: 'testers' }),
    addKey: () => control.post('/v1/keys', { tenant, name: 'next', owner: 'testers' }),
    revoke: () => control.delete(`/v1/keys/${keyId}`),
    audit: () => control.get(`/v1/audit?organisation=${id}`),
  });

  // An index whose storage was lost can still be deleted, and created again; the erasure reports the lost object.
  const deleted = await at(ofShard).delete('/v1/indexes/kept');
  expect(deleted).toMatchObject({ status: 200, body: { vectors: 0, objects: 2, objects_lost: 1 } });
  expect((await at(ofShard).get(`/v1/erasures/${deleted.body.id}`)).body).toMatchObject({ objects_lost: 1, remaining: 0, verified: true });
  expect((await create(at(ofShard), 'kept')).status).toBe(201);
  expect((await at(ofShard).post('/v1/indexes/kept/count', {})).body.count).toBe(0);
});
