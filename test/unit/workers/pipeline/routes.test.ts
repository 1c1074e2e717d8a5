import { Hono } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';
import { expect, it } from 'vitest';
import * as z from 'zod';

import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { mountsOf } from '../../../../src/contract/api/surface.ts';
import { AddressReader } from '../../../../workers/gateway/pipeline/address-reader.ts';
import { noRoute } from '../../../../workers/gateway/app.ts';
import type { AppContext } from '../../../../workers/gateway/pipeline/exchange.ts';
import { RememberedRoutes } from '../../../../workers/gateway/pipeline/remembered-routes.ts';
import { requestIdOf } from '../../../../workers/gateway/pipeline/request-id.ts';

it('[G4] a remembered path matches as it did the first time, however many paths came since', () => {
  const remembered = new RememberedRoutes<string>();
  const tries = new TrieRouter<string>();
  for (const { method, path } of Object.values(ENDPOINTS)) {
    for (const mounted of mountsOf(path)) for (const routes of [remembered, tries]) routes.add(method, mounted, `${method} ${mounted}`);
  }
  const paths = Object.values(ENDPOINTS).flatMap(({ path }) => mountsOf(path).map((mounted) => mounted.replaceAll(/:[a-z_]+/g, 'x1')));
  const long = `/v1/indexes/${'n'.repeat(300)}/query`;
  const asked = [...paths, ...Array.from({ length: 1_100 }, (_, n) => `/v1/indexes/i${n}/query`), long, '/nowhere'];
  for (let round = 0; round < 2; round += 1) {
    for (const path of asked) {
      for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) expect(remembered.match(method, path)).toEqual(tries.match(method, path));
    }
  }
});

it.each([
  ['/chat/completions', 'paths of the API begin with /v1', '/v1/chat/completions'],
  ['/indexes/notes/query', 'paths of the API begin with /v1', '/v1/indexes/notes/query'],
  ['/v1/v1/messages', 'give this client the address without /v1', '/v1/messages'],
  ['/openai/v1/chat/completions', 'paths of the API begin with /v1', '/v1/chat/completions'],
  ['/openai/deployments/gpt-4o/chat/completions', 'paths of the API begin with /v1', '/v1/chat/completions'],
  ['/v1/chat/completions/chat/completions', 'give this client the address without /chat/completions', '/v1/chat/completions'],
  ['/v1/chat/completions/models', 'give this client the address without /chat/completions', '/v1/models'],
  ['/v1/embeddings/embeddings', 'give this client the address without /embeddings', '/v1/embeddings'],
  ['/v1/messages/v1/messages', 'give this client the address without /messages', '/v1/messages'],
])('[G81] [G148] %s is refused with what is wrong with the address', (path, advice, meant) => {
  const { code, message, didYouMean } = noRoute({ req: { method: 'POST', path } } as AppContext).refusal;
  expect({ code, didYouMean }).toEqual({ code: 'route_not_found', didYouMean: meant });
  expect(message).toContain(`no route POST ${path}: ${advice}`);
});

const PATTERNS = Object.values(ENDPOINTS).flatMap(({ path }) => mountsOf(path));

it.each([
  ['/v1/vectors', '/v1/indexes'],
  ['/v1/index/notes/query', '/v1/indexes/notes/query'],
  ['/v1/embedding', '/v1/embeddings'],
  ['/v1/chat/completion', '/v1/chat/completions'],
  ['/v1/indexes/notes/querry', '/v1/indexes/notes/query'],
  ['/v1/collections', '/collections'],
  ['/v1/collections/notes/points/search', '/collections/notes/points/search'],
  ['/collections/notes/point/search', '/collections/notes/points/search'],
  ['/api/chat', '/v1/chat/completions'],
  ['/api/v2/tenants/t/databases/d/collections', '/v1/indexes'],
  ['/vectors/upsert', '/v1/indexes'],
  ['/v1/nothing', undefined],
  ['/v1/indexes/notes/nothing', undefined],
  ['/docs/nothing.html', undefined],
])('[G148] the path that was meant by %s is %s', (path, meant) => {
  expect(noRoute({ req: { method: 'POST', path } } as AppContext, PATTERNS).refusal.didYouMean).toBe(meant);
});

it('[G148] each path of the API is meant by itself with a letter left out', () => {
  const served = new TrieRouter<string>();
  for (const pattern of PATTERNS) served.add('ALL', pattern, pattern);
  for (const pattern of PATTERNS.filter((one) => /^\/v1\/.*[a-z]{5}$/.test(one))) {
    const slip = pattern.replaceAll(/:[a-z_]+/g, 'x1').replace(/.(?=.$)/, '');
    if (served.match('ALL', slip)[0].length > 0) continue;
    const meant = noRoute({ req: { method: 'POST', path: slip } } as AppContext, PATTERNS).refusal.didYouMean ?? '';
    expect(served.match('ALL', meant)[0].length, `${slip}: ${meant}`).toBeGreaterThan(0);
  }
});

const endpoint = {
  path: '/v1/things/:thing',
  params: z.object({ thing: z.string().max(8) }),
  query: z.strictObject({ deep: z.string().optional() }),
  headers: z.object({ 'x-mode': z.string().max(4).default('some') }),
} as unknown as Endpoint;

/** What one reader reads of requests, one after another. */
function reading() {
  const reader = new AddressReader(endpoint);
  const app = new Hono();
  let read: unknown;
  app.get(endpoint.path, (context) => {
    read = reader.read(context as unknown as AppContext);
    return context.text('');
  });
  return async (path: string, headers: Record<string, string> = {}) => {
    await app.request(path, { headers });
    return read;
  };
}

it('[G5] [G30] path, query and headers of each request are read as they are, though paths are remembered', async () => {
  const read = reading();
  const told = (thing: string, mode = 'some', query = {}) => ({
    ok: true,
    value: { params: { thing }, query, options: { 'x-mode': mode } },
  });
  for (let round = 0; round < 2; round += 1) {
    expect(await read('/v1/things/a')).toEqual(told('a'));
    expect(await read('/v1/things/b%20c')).toEqual(told('b c'));
    expect(await read('/v1/things/a?deep=1', { 'x-mode': 'all' })).toEqual(told('a', 'all', { deep: '1' }));
    expect(await read('/v1/things/toolongname')).toMatchObject({ ok: false, error: { code: 'limit_exceeded', schema: { part: 'path' } } });
    expect(await read('/v1/things/%ED%A0%80')).toMatchObject({ ok: false, error: { code: 'invalid_value', path: ['thing'] } });
    expect(await read('/v1/things/a?deep=1&deep=2')).toMatchObject({ ok: false, error: { path: ['deep'] } });
    expect(await read('/v1/things/a', { 'x-mode': 'other' })).toMatchObject({ ok: false, error: { schema: { part: 'headers' } } });
  }
});

it('[G1] a request without an id, or with one that may not be logged, gets one that no other has', () => {
  const made = Array.from({ length: 1_000 }, () => requestIdOf(new Headers()));
  expect(new Set(made).size).toBe(1_000);
  for (const id of made) expect(id).toMatch(/^req_[0-9a-f]{32}$/);
  expect(requestIdOf(new Headers({ 'x-request-id': 'mine:1' }))).toBe('mine:1');
  expect(requestIdOf(new Headers({ 'x-request-id': 'a b' }))).toMatch(/^req_/);
});
