import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { AdminClient } from '../../workers/local/admin-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

// Properties of every API surface, whatever its caller; this deployment trusts no proxy.

let server: Server;
let url: string;
let tenant: TestTenant;
let client: ApiClient;

beforeAll(async () => {
  server = await deploy();
  url = server.urls[0] ?? '';
  tenant = await createTenant(server, { scopes: SCOPES });
  ({ client } = tenant);
  await client.post('/v1/indexes', { name: 'lines', dimensions: 2, owner: 'testers' });
});

afterAll(() => server.stop());

/** Sends text unchanged: no serialiser writes half a surrogate pair. */
async function send(endpoint: Pick<Endpoint, 'method'>, path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) {
  const response = await fetch(`${url}${path}`, {
    method: endpoint.method,
    headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

describe('half a surrogate pair', () => {
  const routes = Object.values<Endpoint>(ENDPOINTS).filter(({ access, body }) => access.kind.startsWith('tenant') && body.kind === 'json');

  it('[G30] is refused in the body of every route that takes JSON, naming the field', async () => {
    expect(routes.length).toBeGreaterThan(30);
    const owned: Readonly<Record<string, string>> = {
      key: tenant.keyId,
      tenant: tenant.id,
      organisation: tenant.organisation,
      job: 'job_0000000000000000000000000z',
      upload: 'upload_0000000000000000000000000z',
    };
    for (const endpoint of routes) {
      const path = endpoint.path.replaceAll(PATH_PARAMS, (_, name: string) => owned[name] ?? 'lines');
      const { status, text } = await send(endpoint, path, String.raw`{"some": [{"field": "a\ud800b"}]}`);
      expect({ path, status }).toEqual({ path, status: expect.toSatisfy((code: number) => code === 400 || code === 422) });
      expect(text).toContain('some[0].field: holds half a surrogate pair');
    }
  });

  it('[G30] is refused in a path and in a query', async () => {
    for (const path of ['/v1/indexes/%ED%A0%80', '/v1/files?after=%ED%A0%80', '/qdrant/collections/%ED%A0%80']) {
      const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${client.apiKey}` } });
      expect({ path, status: response.status }).toEqual({ path, status: 400 });
      expect(await response.text()).toContain('is not UTF-8');
    }
  });
});

describe('a compressed body', () => {
  const line = (id: string) => `${JSON.stringify({ id, values: [1, 2] })}\n`;
  const importLines = (content: Uint8Array<ArrayBuffer>, coding = 'gzip') =>
    send({ method: 'POST' }, '/v1/indexes/lines/import', content, { 'content-type': 'application/x-ndjson', 'content-encoding': coding });
  const lastLine = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');

  it('[G31] is accepted by routes that take JSON and by imports', async () => {
    const body = new Uint8Array(gzipSync(JSON.stringify({ vectors: [{ id: 'one', values: [1, 2] }] })));
    expect((await send({ method: 'POST' }, '/v1/indexes/lines/upsert', body, { 'content-encoding': 'gzip' })).status).toBe(200);
    const count = 3_000;
    const { text } = await importLines(new Uint8Array(gzipSync(Array.from({ length: count }, (_, n) => line(`line-${n}`)).join(''))));
    expect(lastLine(text)).toMatchObject({ status: 'done', written: count, lines: count });
    expect((await client.post('/v1/indexes/lines/count', {})).body.count).toBe(count + 1);
  });

  it('[G31] in an unsupported coding is 415 on both', async () => {
    for (const path of ['upsert', 'import']) {
      const type = path === 'import' ? 'application/x-ndjson' : 'application/json';
      const headers = { 'content-type': type, 'content-encoding': 'br' };
      const { status, text } = await send({ method: 'POST' }, `/v1/indexes/lines/${path}`, new Uint8Array(9), headers);
      expect({ status, code: JSON.parse(text).error.code }).toEqual({ status: 415, code: 'unsupported_media_type' });
    }
  });

  it('[G31] that expands too far ends an import after the written lines, and is 413 elsewhere', async () => {
    const bomb = new Uint8Array(gzipSync(line('before') + `${' '.repeat(65_535)}\n`.repeat(1024)));
    const { text } = await importLines(bomb);
    expect(lastLine(text)).toMatchObject({ status: 'stopped', error: { code: 'payload_too_large' } });
    const spaces = new Uint8Array(gzipSync(' '.repeat(64 * 1024 * 1024)));
    expect((await send({ method: 'POST' }, '/v1/indexes/lines/upsert', spaces, { 'content-encoding': 'gzip' })).status).toBe(413);
  });

  it('[G31] that is truncated ends an import with its resume token', async () => {
    const whole = new Uint8Array(gzipSync(line('cut')));
    const { text } = await importLines(whole.subarray(0, whole.length - 5));
    expect(lastLine(text)).toMatchObject({ status: 'stopped', error: { code: 'invalid_value', param: 'content-encoding' } });
  });
});

describe('the address of a caller', () => {
  it('[T13] is that of the connection, whatever its headers claim', async () => {
    const admin = new AdminClient(url, server.secrets.SLUICE_ADMIN_KEY);
    const made = async (addresses: string[]) => {
      const key = await admin.create<{ key: string }>('/v1/keys', { tenant: tenant.id, name: 'bound', owner: 'testers', addresses });
      return new ApiClient(url, key.key);
    };
    const elsewhere = await made(['203.0.113.0/24']);
    const claim = '203.0.113.9';
    for (const headers of [
      { 'cf-connecting-ip': claim },
      { 'x-forwarded-for': claim },
      { 'x-real-ip': claim },
      { 'true-client-ip': claim },
      { forwarded: `for=${claim}` },
      { 'MF-CF-Blob': JSON.stringify({ clientIp: claim }) },
    ]) {
      const { status, body } = await elsewhere.get('/v1/indexes', headers);
      expect({ headers, status, code: body.error?.code }).toEqual({ headers, status: 403, code: 'address_denied' });
    }
    const here = await made(['127.0.0.1']);
    expect((await here.get('/v1/indexes', { 'x-forwarded-for': claim, 'cf-connecting-ip': claim })).status).toBe(200);
  });
});

describe('an HTML page', () => {
  it('[G32] loads nothing from other origins, refuses framing and sends no referrer', async () => {
    const admin = new ApiClient(url, server.secrets.SLUICE_ADMIN_KEY);
    const period = new Date().toISOString().slice(0, 7);
    for (const path of ['/docs/', `/v1/invoices/${period}/html?organisation=${tenant.organisation}`]) {
      const { status, headers } = await admin.get(path);
      expect({ path, status, type: headers.get('content-type') }).toMatchObject({
        status: 200,
        type: expect.stringMatching(/^text\/html/),
      });
      const policy = headers.get('content-security-policy') ?? '';
      for (const directive of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) {
        expect(policy.split(/; ?/), path).toContain(directive);
      }
      expect(policy).not.toMatch(/script-src[^;]*unsafe/);
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  it('[G32] is never sniffed from other content: every answer says nosniff', async () => {
    for (const path of ['/docs/page.js', '/openapi.json', '/v1/indexes', '/nowhere', '/healthz']) {
      expect((await client.get(path)).headers.get('x-content-type-options'), path).toBe('nosniff');
    }
  });
});

describe('the state folder', () => {
  it('[G33] contains no file that other users can read, not even those that workerd wrote', async () => {
    const entries = await readdir(server.storeDir, { recursive: true, withFileTypes: true });
    // Journals come and go.
    const modeOf = async (path: string) => {
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
      if (!(found instanceof Error)) return [[path, found.mode & 0o777] as const];
      if (found.code === 'ENOENT') return [];
      throw found;
    };
    const modes = (await Promise.all(entries.map(({ parentPath, name }) => modeOf(join(parentPath, name))))).flat();
    expect(modes.some(([path]) => path.endsWith('.sqlite'))).toBe(true);
    expect(modes.filter(([, mode]) => (mode & 0o077) !== 0).map(([path, mode]) => [path, mode.toString(8)])).toEqual([]);
    expect((await stat(server.storeDir)).mode & 0o777).toBe(0o700);
  });
});
