import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { serve } from '../../workers/local/serve.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';

/** A state folder that 0.6.0 left, when the API was four Workers, two of which hosted objects: its files, and what a tenant had in them. */
interface StoredState {
  readonly about: { readonly apiKey: string; readonly tenant: string };
  readonly files: Readonly<Record<string, string>>;
}

const FIXTURE = join(import.meta.dirname, '../support/fixtures/state-of-seven-workers.json.br');

let server: Server;
let stateDir: string;
let client: ApiClient;
let stored: StoredState;

beforeAll(async () => {
  stored = JSON.parse(brotliDecompressSync(await readFile(FIXTURE)).toString()) as StoredState;
  stateDir = await mkdtemp(join(tmpdir(), 'sluice-stored-'));
  for (const [path, base64] of Object.entries(stored.files)) {
    const file = join(stateDir, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, Buffer.from(base64, 'base64'), { mode: 0o600 });
  }
  server = await serve({ ports: [await freePort()], stateDir, variables: { LOG_LEVEL: 'warn' } });
  client = new ApiClient(server.urls[0] ?? '', stored.about.apiKey);
});

afterAll(async () => {
  await server.stop();
  await rm(stateDir, { recursive: true });
});

const read = async (path: string) => {
  const { status, body } = await client.get(path);
  expect([status, body.error], path).toEqual([200, undefined]);
  return body;
};

it('[G69] a state folder of 0.6.0 opens: what objects of every class have stored is there', async () => {
  expect((await client.post('/v1/indexes/notes/query', { vector: [0, 1, 0], top_k: 1 })).body.matches).toMatchObject([{ id: 'b' }]);
  expect((await read('/v1/indexes')).data).toMatchObject([{ name: 'notes' }]);
  expect((await read('/v1/jobs')).data).toMatchObject([{ kind: 'command' }]);
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  expect((await admin.get(`/v1/tenants/${stored.about.tenant}`)).body).toMatchObject({ id: stored.about.tenant, owner: 'testers' });
});

it('[G69] so do those of the classes that another Worker hosted then', async () => {
  expect((await read('/v1/upstreams')).data).toMatchObject([{ name: 'lab', models: [{ name: 'small' }] }]);
  expect((await read('/v1/routes')).data).toMatchObject([{ name: 'desk' }]);
  expect((await read('/v1/prompts')).data).toMatchObject([{ name: 'reply' }]);
  // Entries of the log are kept for a time, the terms of a tenant for good.
  expect(await read('/v1/requests/policy')).toMatchObject({ retention_days: 77, redact_fields: ['email'] });
  expect((await read('/v1/slos')).data).toMatchObject([{ name: 'answers' }]);
  const names = (await read('/v1/debt/repositories')).data.map(({ repository }: { repository: string }) => repository);
  expect(names).toContain('acme/app');
});
