import { setTimeout as sleep } from 'node:timers/promises';

import { beforeAll, describe, expect, it } from 'vitest';

import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { BulkStream } from '../support/deployment/bulk-stream.ts';
import { HeldRequest } from '../support/deployment/held-request.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const LONG = { timeout: 90_000 };

const server = sharedDeployment();
let admin: ApiClient;

beforeAll(async () => {
  admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
});

/** Every endpoint of tenants that takes a body, which its sender may send slowly. */
const NAMES = Object.entries(ENDPOINTS).flatMap(([name, { access, body }]) =>
  access.kind.startsWith('tenant') && (body.kind === 'json' || body.kind === 'multipart') ? [name as EndpointName] : [],
);

const valuesOf = (n: number): number[] => Array.from({ length: 100 }, (_, axis) => Math.sin(n + axis) + 1.5);

/** An id that no job has. */
const NO_JOB = 'job_0000000000000000000000000z';

/** A tenant with one resource of each kind, a key whose requests are held, and another key for looking. */
async function furnished(): Promise<{ tenant: TestTenant; held: ApiClient; heldKey: string; owned: Record<string, string> }> {
  const tenant = await createTenant(server, { scopes: SCOPES });
  const { client } = tenant;
  const made = await client.post('/v1/keys', { name: 'held', owner: 'testers', scopes: SCOPES });
  const spare = await client.post('/v1/keys', { name: 'spare', owner: 'testers' });
  expect((await client.post('/v1/indexes', { name: 'secrets', dimensions: 100, owner: 'testers' })).status).toBe(201);
  const vectors = [{ id: 'secret-vector', values: valuesOf(1), metadata: { mark: 'kept' } }];
  expect((await client.post('/v1/indexes/secrets/upsert', { vectors })).status).toBe(200);
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{}\n']), 'lines.jsonl');
  const file = await client.call('POST', '/v1/files', form);
  const begun = await client.post('/v1/uploads', SAMPLE_BODIES.createUpload?.({}));
  const owned = {
    upload: begun.body.id,
    tenant: tenant.id,
    organisation: tenant.organisation,
    file: file.body.id,
    index: 'secrets',
    collection: 'secrets',
    job: NO_JOB,
  };
  return { tenant, held: new ApiClient(client.url, made.body.key), heldKey: made.body.id, owned: { ...owned, key: spare.body.id } };
}

/** Everything that the tenant has, as one value. */
async function holdings({ client }: TestTenant): Promise<unknown> {
  const paths = ['/v1/indexes', '/v1/aliases', '/v1/indexes/secrets/generations', '/v1/files', '/v1/keys', '/v1/projects', '/v1/jobs'];
  const lists = await Promise.all(paths.map(async (path) => (await client.get(path)).body.data));
  const listed = await client.post('/v1/indexes/secrets/list', { include_values: true, include_metadata: true });
  // The time of a key's last use may differ.
  return JSON.parse(JSON.stringify([...lists, listed.body.vectors], (name, value: unknown) => (name === 'last_used_at' ? null : value)));
}

async function open(client: ApiClient, owned: Readonly<Record<string, string>>): Promise<HeldRequest[]> {
  // A path of each Worker that answers: it knows the key then, and admits what follows without asking.
  await Promise.all(['/v1/indexes', '/v1/models', '/v1/upstreams', '/v1/slos'].map((path) => client.get(path)));
  return Promise.all(
    NAMES.map((name) => {
      const { method, path } = ENDPOINTS[name];
      const named = path.replaceAll(PATH_PARAMS, (_, param: string) => owned[param] ?? 'probe');
      return HeldRequest.open(client, method, named, SAMPLE_BODIES[name]?.(owned));
    }),
  );
}

/** Resolves once requests with the key are refused even before their bodies have arrived: held requests were admitted earlier. */
async function refused(client: ApiClient): Promise<void> {
  await expect.poll(async () => (await client.get('/v1/indexes')).status, LONG).toBeOneOf([401, 403]);
  const late = await HeldRequest.open(client, 'POST', '/v1/indexes/secrets/count', {});
  await expect.poll(() => late.isAnswered, LONG).toBe(true);
  await late.finish();
}

type Furnished = Awaited<ReturnType<typeof furnished>>;

const TRIES = 6;

/**
 * Requests at every endpoint that were admitted before `end` took the right to make them away. Where this machine was so slow that some came
 * only afterwards, they are refused at once, and the trial is made again with more time.
 */
async function heldUntil(end: (made: Furnished) => Promise<void>) {
  for (let [triesLeft, waitMs] = [TRIES, 0]; triesLeft > 0; [triesLeft, waitMs] = [triesLeft - 1, 2 * waitMs + 500]) {
    const made = await furnished();
    const before = await holdings(made.tenant);
    const requests = await open(made.held, made.owned);
    await sleep(waitMs);
    await end(made);
    await refused(made.held);
    const early = NAMES.filter((_, i) => requests[i]?.isAnswered === true);
    if (early.length === 0) return { ...made, before, requests };
    if (triesLeft === 1) expect(early, 'all are held').toEqual([]);
    await Promise.allSettled(requests.map((request) => request.finish()));
  }
  return expect.fail('no trial was made');
}

async function outcomes(requests: readonly HeldRequest[]): Promise<Record<string, unknown>> {
  const answers = await Promise.all(requests.map((request) => request.finish()));
  // Qdrant's errors have no code, and KServe's have it beside the text.
  const saidBy = (name: string, { status, body }: Pick<ApiAnswer, 'status' | 'body'>) =>
    name.startsWith('qdrant') ? status : (body.error?.code ?? body.code);
  return Object.fromEntries(NAMES.map((name, i) => [name, answers[i] === undefined ? undefined : saidBy(name, answers[i])]));
}

const all = (code: string, status: number) => Object.fromEntries(NAMES.map((name) => [name, name.startsWith('qdrant') ? status : code]));

describe('a request whose body is slow', () => {
  it('[T53] has no effect if its key is revoked before it ends, at any endpoint', async () => {
    const { tenant, before, requests } = await heldUntil(async (made) => {
      expect((await made.tenant.client.delete(`/v1/keys/${made.heldKey}`)).status).toBe(200);
    });
    expect(await outcomes(requests)).toEqual(all('invalid_api_key', 401));
    const after = JSON.stringify(await holdings(tenant)).replaceAll(/"revoked_at":\d+/g, '"revoked_at":null');
    expect(after).toBe(JSON.stringify(before));
  });

  it('[T53] has no effect while its tenant is suspended', async () => {
    const { tenant, before, requests } = await heldUntil(async (made) => {
      expect((await admin.post(`/v1/tenants/${made.tenant.id}/suspend`, undefined)).status).toBe(200);
    });
    expect(await outcomes(requests)).toEqual(all('tenant_suspended', 403));
    await admin.post(`/v1/tenants/${tenant.id}/resume`, undefined);
    await expect.poll(async () => (await tenant.client.get('/v1/indexes')).status, LONG).toBe(200);
    expect(await holdings(tenant)).toEqual(before);
  });

  it('[T58] has no effect if its tenant is erased before it ends, and a later count finds nothing', async () => {
    const erase = (tenant: TestTenant) => admin.post(`/v1/tenants/${tenant.id}/erase`, undefined);
    const { tenant, requests } = await heldUntil(async (made) => {
      expect((await erase(made.tenant)).body).toMatchObject({ state: 'erased', verified: true });
    });
    const { body: erased } = await erase(tenant);
    expect(await outcomes(requests)).toEqual(all('invalid_api_key', 401));
    expect((await admin.get(`/v1/tenants/${tenant.id}/erasure`)).body).toEqual(erased);
  });
});

describe('an import in progress', () => {
  const INDEX = { name: 'streamed', dimensions: 2, owner: 'testers' };
  const lines = (from: number, count: number): string =>
    Array.from({ length: count }, (_, i) => `${JSON.stringify({ id: `v${from + i}`, values: [from + i + 1, 1] })}\n`).join('');
  const countOf = async (client: ApiClient): Promise<number> => (await client.get('/v1/indexes/streamed/stats')).body.vectors;

  /** An import whose first batch is written and whose second one is incomplete. */
  async function begun(client: ApiClient): Promise<{ stream: BulkStream; reading: Promise<void>; ended: () => Promise<void> }> {
    expect((await client.post('/v1/indexes', INDEX)).status).toBe(201);
    const stream = new BulkStream(client, '/v1/indexes/streamed/import');
    const reading = stream.read();
    // A batch is written when the first line of the next one arrives.
    await stream.send(lines(0, 1001));
    await expect.poll(() => countOf(client), LONG).toBe(1000);
    const ended = async () => {
      await stream.send(lines(1001, 1500));
      stream.end();
      await reading;
    };
    return { stream, reading, ended };
  }

  it('[T57] ends with a typed error once its key is revoked, though its sender rests, and writes no more', async () => {
    const { tenant, held, heldKey } = await furnished();
    const { stream, reading } = await begun(held);
    expect((await tenant.client.delete(`/v1/keys/${heldKey}`)).status).toBe(200);
    await reading;
    expect(stream.last).toMatchObject({ status: 'stopped', lines: 1000, written: 1000, error: { code: 'invalid_api_key', line: null } });
    expect(await countOf(tenant.client)).toBe(1000);
  });

  it('[B14] writes nothing into another index that has taken the name in the meantime', async () => {
    const { tenant, held } = await furnished();
    const { stream, ended } = await begun(held);
    expect((await tenant.client.delete('/v1/indexes/streamed')).status).toBe(200);
    expect((await tenant.client.post('/v1/indexes', INDEX)).status).toBe(201);
    await ended();
    expect(stream.last).toMatchObject({ status: 'stopped', lines: 1000, error: { code: 'state_conflict', line: null } });
    expect(await countOf(tenant.client)).toBe(0);
    const resumed = new BulkStream(held, `/v1/indexes/streamed/import?token=${stream.last?.token}`);
    resumed.end();
    expect(await resumed.status()).toBe(400);
  });
});
