import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const CHROMIUM = '/usr/bin/chromium';
const missing = !existsSync(CHROMIUM);
if (missing) console.log(`browser tests skipped: ${CHROMIUM} is not installed`);

/** A server of one page. Its port makes its origin different from all others. */
async function pageServer() {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>app</title>'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

let pages: Awaited<ReturnType<typeof pageServer>>[];
/** An origin that the deployment lists, one that a key lists, and one that is listed nowhere. */
let [listed, named, strange]: string[] = [];
let server: Server;
let url: string;
let tenant: TestTenant;
let keyOfPage: string;

beforeAll(async () => {
  pages = await Promise.all([pageServer(), pageServer(), pageServer()]);
  [listed, named, strange] = pages.map(({ origin }) => origin);
  server = await deploy(1, { LOG_LEVEL: 'warn', CORS_ORIGINS: `${listed}, keys` });
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
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
    try {
      const call = async (origin: string | undefined, key: string, base = url) => {
        const page = await browser.newPage();
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
