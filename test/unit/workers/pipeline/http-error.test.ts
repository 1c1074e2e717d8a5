import { Hono } from 'hono';
import { expect, it, vi } from 'vitest';

import { refusal } from '../../../../src/contract/api/errors.ts';
import { alwaysAnswer, errorDraft } from '../../../../workers/gateway/pipeline/http-error.ts';

it.each([
  [1, '1'],
  [1_000, '1'],
  [1_001, '2'],
  [59_999, '60'],
])('[G2] a wait of %i ms is stated in milliseconds, and in whole seconds rounded up', (retryAfterMs, seconds) => {
  const { status, headers } = errorDraft({ ...refusal('rate_limit_exceeded', 'slower'), retryAfterMs }, 'req_1', 'sluice');
  const told = ['retry-after-ms', 'retry-after', 'x-should-retry'].map((name) => headers[name]);
  expect([status, ...told]).toEqual([429, String(retryAfterMs), seconds, 'true']);
});

it('[G2] a refusal that waiting cannot help states no wait', () => {
  const { headers } = errorDraft(refusal('insufficient_quota', 'spent'), 'req_1', 'sluice');
  expect(['retry-after-ms', 'retry-after', 'x-should-retry'].map((name) => headers[name])).toEqual([undefined, undefined, 'false']);
});

/** An app that throws in its route, its error handler, or a middleware after the route. */
function appThat(fails: 'route' | 'handler' | 'middleware', thrown: unknown): Hono {
  const app = new Hono();
  app.use(async (_, next) => {
    await next();
    if (fails === 'middleware') throw thrown;
  });
  app.all('*', (context) => {
    if (fails !== 'middleware') throw fails === 'route' ? thrown : new Error('first');
    return context.text('done');
  });
  if (fails === 'handler') {
    app.onError(() => {
      throw thrown;
    });
  }
  return app;
}

it.each([
  ['route', 'a text'],
  ['route', undefined],
  ['route', { status: 418 }],
  ['handler', new TypeError('Cannot perform I/O on behalf of a different request')],
  ['middleware', null],
] as const)('[G34] what the %s throws is answered in the one error shape: %o', async (fails, thrown) => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const app = appThat(fails, thrown);
  const serve = alwaysAnswer((request) => app.fetch(request));
  const request = new Request('http://gateway/v1/models', { headers: { 'x-request-id': 'mine' } });
  const response = await serve(request);
  expect([response.status, response.headers.get('content-type'), response.headers.get('x-request-id')]).toEqual([
    500,
    expect.stringContaining('application/json'),
    'mine',
  ]);
  expect(await response.json()).toMatchObject({ error: { code: 'internal_error', type: 'server_error' }, request_id: 'mine' });
  expect(logged).toHaveBeenCalledOnce();
  const qdrant = await serve(new Request('http://gateway/qdrant/collections'));
  expect(await qdrant.json()).toMatchObject({ status: { error: expect.any(String) } });
  logged.mockRestore();
});

it("[G125] [G126] what an app throws on Anthropic's paths is answered as Anthropic's clients read it", async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const serve = alwaysAnswer(() => Promise.reject(new TypeError('broken')));
  const called: readonly (readonly [string, Record<string, string>])[] = [
    ['/v1/messages', {}],
    ['/v1/models', { 'anthropic-version': '2023-06-01' }],
  ];
  for (const [path, headers] of called) {
    const response = await serve(new Request(`http://gateway${path}`, { headers: { ...headers, 'x-request-id': 'mine' } }));
    expect([response.status, response.headers.get('request-id'), response.headers.get('x-request-id')]).toEqual([500, 'mine', 'mine']);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'api_error', code: 'internal_error' },
      request_id: 'mine',
    });
  }
  expect((await serve(new Request('http://gateway/v1/models'))).headers.has('request-id')).toBe(false);
});
