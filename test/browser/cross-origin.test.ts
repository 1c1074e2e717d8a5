import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SluiceClient, SluiceError } from '../../workers/client/sluice-client.ts';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { PAGE_MS } from '../support/deployment/chromium.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { PageServer } from '../support/deployment/page-server.ts';
import { pageServer } from '../support/deployment/page-server.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const CHROMIUM = '/usr/bin/chromium';
/** A host whose pages are no secure context, unlike those of loopback: some of the platform is missing there. */
const INSECURE = 'app.test';
const missing = !existsSync(CHROMIUM);
if (missing) console.log(`browser tests skipped: ${CHROMIUM} is not installed`);

const LAUNCH = {
  executablePath: CHROMIUM,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    `--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`,
  ],
};

let pages: PageServer[];
/** An origin that the deployment lists, one that a key lists, and one that is listed nowhere. */
let [listed, named, strange]: string[] = [];
let server: Server;
let url: string;
let tenant: TestTenant;
let keyOfPage: string;

beforeAll(async () => {
  pages = await Promise.all([pageServer(), pageServer(), pageServer()]);
  [listed, named, strange] = pages.map(({ origin }) => origin);
  server = await deploy(1, { LOG_LEVEL: 'warn', CORS_ORIGINS: `${listed}, http://${INSECURE}:${pages[0]?.port}, keys` });
  url = server.urls[0] ?? '';
  tenant = await createTenant(server, { scopes: ['inference', 'index:read', 'index:write', 'keys:write'] });
  const made = await tenant.client.post('/v1/keys', { name: 'page', owner: 'testers', scopes: ['inference'], origins: [named] });
  expect([made.status, made.body.origins]).toEqual([201, [named]]);
  keyOfPage = made.body.key;
});

afterAll(async () => {
  await server.stop();
  for (const page of pages) page.server.close();
});

const embed = { model: 'glove-sif-100', input: 'canal' };

const preflight = (origin: string, path = '/v1/embeddings') =>
  fetch(`${url}${path}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
    },
  });

describe('a page of another origin', () => {
  it.skipIf(missing)('[G21][G22] calls with a key that allows its origin and reads the answers, and is refused otherwise', async () => {
    const browser = await chromium.launch(LAUNCH);
    try {
      const call = async (origin: string | undefined, key: string, base = url) => {
        const page = await browser.newPage();
        page.setDefaultTimeout(PAGE_MS);
        await page.goto(origin ?? '');
        const answer = await page.evaluate(
          async ({ path, apiKey, body }) => {
            try {
              const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'x-request-id': 'from-a-page' };
              const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
              const { error } = (await response.json()) as { error?: { code: string } };
              return [
                response.status,
                error?.code ?? null,
                response.headers.get('x-request-id'),
                response.headers.get('cache-status') !== null,
              ];
            } catch (thrown) {
              return String(thrown);
            }
          },
          { path: `${base}/v1/embeddings`, apiKey: key, body: embed },
        );
        await page.close();
        return answer;
      };
      const { apiKey } = tenant.client;
      expect(await call(listed, apiKey)).toEqual([200, null, 'from-a-page', true]);
      expect(await call(named, keyOfPage)).toEqual([200, null, 'from-a-page', true]);
      for (const [origin, key] of [
        [strange, apiKey],
        [strange, keyOfPage],
        [named, apiKey],
        [listed, keyOfPage],
      ] as const) {
        expect(await call(origin, key)).toEqual([403, 'origin_denied', 'from-a-page', false]);
      }
      // A page may read why its key was refused; pages of the gateway itself count as the same origin.
      expect(await call(listed, 'sk_nonsense')).toEqual([401, 'invalid_api_key', 'from-a-page', false]);
      expect(await call(`${url}/docs/`, keyOfPage)).toEqual([200, null, 'from-a-page', true]);
    } finally {
      await browser.close();
    }
  });

  it('[G22] is refused before its call has any effect; calls without an origin are not affected', async () => {
    const write = (origin: string | undefined) =>
      fetch(`${url}/v1/indexes`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${tenant.client.apiKey}`,
          'content-type': 'application/json',
          ...(origin === undefined ? {} : { origin }),
        },
        body: JSON.stringify({ name: 'from-a-page', dimensions: 2 }),
      });
    expect((await write(strange)).status).toBe(403);
    expect((await tenant.client.get('/v1/indexes/from-a-page')).status).toBe(404);
    expect((await write(undefined)).status).toBe(201);
    const direct = await new ApiClient(url, keyOfPage).post('/v1/embeddings', embed);
    expect([direct.status, direct.headers.get('access-control-allow-origin'), direct.headers.get('vary')]).toEqual([200, null, 'origin']);
  });

  it('[G23] gets an answer to its preflight, without a key, for every header that it names', async () => {
    for (const origin of [listed, named, strange]) {
      const { status, headers } = await preflight(origin ?? '');
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, origin]);
      expect(headers.get('access-control-allow-headers')?.split(',')).toEqual(['authorization', 'content-type', 'x-stainless-os']);
      expect(headers.get('access-control-allow-methods')?.split(',')).toEqual(
        expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
      );
      expect([headers.get('access-control-max-age'), headers.get('access-control-allow-credentials')]).toEqual(['7200', null]);
      expect(headers.get('vary')?.toLowerCase()).toContain('origin');
      expect(headers.get('x-request-id')).not.toBeNull();
    }
  });

  it('[G22] can be listed by a new key only if the key that makes it may list it', async () => {
    const page = await tenant.client.post('/v1/keys', { name: 'maker', owner: 'testers', scopes: ['keys:write'], origins: [named] });
    const maker = new ApiClient(url, page.body.key);
    const made = async (origins: unknown) => {
      const { status, body } = await maker.post('/v1/keys', { name: 'made', owner: 'testers', scopes: ['keys:write'], origins });
      return [status, body.origins ?? body.error.param];
    };
    expect(await made(null)).toEqual([201, [named]]);
    expect(await made([strange])).toEqual([403, 'origins']);
    expect(await made(['https://a.example/path'])).toEqual([400, 'origins[0]']);
  });
});

interface ClientModule {
  readonly SluiceClient: typeof SluiceClient;
}

it.skipIf(missing).each(['127.0.0.1', INSECURE])('[G72] the client works in a page of http://%s, with vectors to the bit', async (host) => {
  const browser = await chromium.launch(LAUNCH);
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PAGE_MS);
    await page.goto(`http://${host}:${pages[0]?.port}/`);
    const content = "import { SluiceClient } from '/workers/client/sluice-client.ts'; Object.assign(globalThis, { SluiceClient });";
    await page.addScriptTag({ type: 'module', content });
    await page.waitForFunction(() => 'SluiceClient' in globalThis);
    const seen = await page.evaluate(
      async ({ gateway, apiKey, name }) => {
        const { SluiceClient: Client } = globalThis as unknown as ClientModule;
        const client = new Client({ url: gateway, apiKey });
        await client.createIndex({ name, dimensions: 3, metric: 'dot' });
        const points = client.index(name);
        const floats = (i: number) => Float32Array.of(Math.cos(i / 50), Math.sin(i / 50), i / 1_000);
        const vectors = Array.from({ length: 1_200 }, (_, i) => ({ id: `p${i}`, values: floats(i), metadata: { even: i % 2 === 0 } }));
        const written: number[] = [];
        for await (const count of points.import(vectors)) written.push(count);
        const found = await points.query({ vector: floats(10), top_k: 3, include_values: true });
        const batch = await points.queryAll([
          { vector: floats(10), top_k: 3, include_values: true },
          { id: 'p7', top_k: 1, filter: { even: true } },
        ]);
        const embedded = await client.embed(['canal', 'lock', 'canal'], { model: 'glove-sif-100' });
        const refused = await points.query({ vector: [1, 2] }).catch((error: unknown) => error as SluiceError);
        const isSame = (a: Float32Array | undefined, b: Float32Array): boolean => String(a) === String(b);
        return {
          isSecureContext: (globalThis as { readonly isSecureContext?: boolean }).isSecureContext,
          written,
          exact: found.matches.map(({ id, values }) => isSame(values, floats(Number(id.slice(1))))),
          batch: batch.map(({ matches }) => matches.map(({ id }) => id)),
          isBatchSame: JSON.stringify(batch[0]) === JSON.stringify(found),
          embedded: embedded.map(({ length }) => length),
          refused: 'code' in refused ? [refused.code, refused.path, refused.requestId !== undefined] : 'answered',
        };
      },
      { gateway: url, apiKey: tenant.client.apiKey, name: host === INSECURE ? 'insecure' : 'secure' },
    );
    expect(seen).toEqual({
      isSecureContext: host !== INSECURE,
      written: [1_000, 1_200],
      exact: [true, true, true],
      batch: [expect.any(Array), [expect.stringMatching(/[02468]$/)]],
      isBatchSame: true,
      embedded: [100, 100, 100],
      refused: ['dimension_mismatch', 'vector', true],
    });
  } finally {
    await browser.close();
  }
});

it('[G21] a deployment that lists no origins sends no CORS headers', async () => {
  const closed = await deploy();
  try {
    const { client } = await createTenant(closed, { scopes: ['inference', 'keys:write'] });
    const headers = { origin: 'https://app.example.com', authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json' };
    const answer = await fetch(`${closed.urls[0]}/v1/embeddings`, { method: 'POST', headers, body: JSON.stringify(embed) });
    expect([answer.status, answer.headers.get('access-control-allow-origin'), answer.headers.get('vary')]).toEqual([200, null, null]);
    const asked = await fetch(`${closed.urls[0]}/v1/embeddings`, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-method': 'POST' },
    });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([405, null]);
    const key = await client.post('/v1/keys', {
      name: 'page',
      owner: 'testers',
      scopes: ['inference'],
      origins: ['https://app.example.com'],
    });
    expect([key.status, key.body.error.message]).toEqual([400, expect.stringContaining('CORS_ORIGINS')]);
  } finally {
    await closed.stop();
  }
});
