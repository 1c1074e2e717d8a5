import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import type { Server } from '../../workers/local/serve.ts';
import { serve } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/api-client.ts';
import { freePort } from '../support/free-port.ts';
import { createTenant } from '../support/tenant.ts';

const stateDir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-lost-'));
let server: Server;

afterAll(async () => {
  await server.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const start = async () => {
  server = await serve({ ports: [await freePort()], stateDir, variables: { LOG_LEVEL: 'warn' } });
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
const [SHARDS, INDEXES] = ['sluice-shards-ShardObject', 'sluice-objects-IndexObject'];

/** Loses what an object stored: its database is emptied, its journal is gone. */
function empty(kind: string): void {
  for (const file of filesOf(kind)) {
    if (file.endsWith('.sqlite')) truncateSync(file, 0);
    else rmSync(file);
  }
}

it('[G41] [G43] deleted indexes leave no files, and one whose files were emptied is neither deleted nor new', async () => {
  let url = await start();
  const tenant = await createTenant(server);
  let { client } = tenant;
  const vectors = Array.from({ length: 50 }, (_, n) => ({ id: `v${n}`, values: [1, n] }));
  const names = ['kept', ...Array.from({ length: 10 }, (_, n) => `gone-${n}`)];
  for (const name of names) {
    expect((await client.post('/v1/indexes', { name, dimensions: 2, owner: 'testers' })).status).toBe(201);
    expect((await client.post(`/v1/indexes/${name}/upsert`, { vectors })).status).toBe(200);
  }
  expect([databasesOf(SHARDS).length, databasesOf(INDEXES).length]).toEqual([names.length, names.length]);
  for (const name of names.slice(1)) expect((await client.delete(`/v1/indexes/${name}`)).status).toBe(200);
  await server.stop();
  expect([databasesOf(SHARDS).length, databasesOf(INDEXES).length]).toEqual([1, 1]);

  empty(SHARDS);
  url = await start();
  client = new ApiClient(url, client.apiKey);
  const lost = { status: 503, body: { error: { code: 'unavailable' } } };
  const calls = () =>
    Promise.all([
      client.post('/v1/indexes/kept/query', { vector: [1, 2] }),
      client.post('/v1/indexes/kept/fetch', { ids: ['v1'] }),
      client.post('/v1/indexes/kept/list', {}),
      client.post('/v1/indexes/kept/count', {}),
      client.post('/v1/indexes/kept/upsert', { vectors }),
      client.post('/v1/indexes/kept/delete', { ids: ['v1'] }),
    ]);
  for (const answer of [...(await calls()), ...(await calls())]) expect(answer).toMatchObject(lost);
  expect((await client.get('/v1/indexes')).body.data).toHaveLength(1);
  await server.stop();

  empty(INDEXES);
  client = new ApiClient(await start(), client.apiKey);
  for (const answer of [...(await calls()), await client.get('/v1/indexes/kept')]) expect(answer).toMatchObject(lost);
  expect(await client.post('/v1/indexes', { name: 'kept', dimensions: 2, owner: 'testers' })).toMatchObject(lost);
  expect(await client.delete('/v1/indexes/kept')).toMatchObject(lost);
  expect((await client.post('/v1/indexes', { name: 'next', dimensions: 2, owner: 'testers' })).status).toBe(201);
});
