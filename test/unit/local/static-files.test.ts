import { expect, it } from 'vitest';

import staticFiles from '../../../workers/local/static-files.ts';

/** As workerd's disk answers: a list for a folder, a type that says nothing. */
const DISK = {
  fetch: (url: URL): Promise<Response> => {
    const headers = { 'last-modified': 'Thu, 01 Oct 2026 00:00:00 GMT', 'content-length': '2' };
    if (url.pathname === '/docs/index.html' || url.pathname === '/m/model.onnx') return Promise.resolve(new Response('ok', { headers }));
    return Promise.resolve(url.pathname === '/docs' ? Response.json([{ name: 'index.html' }]) : new Response('no', { status: 404 }));
  },
};

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  staticFiles.fetch(new Request(`http://local${path}`, { headers }), { DISK });

it('serves a folder by its index, with the type of each file', async () => {
  const page = await get('/docs/');
  expect([page.status, await page.text(), page.headers.get('content-type')]).toEqual([200, 'ok', 'text/html; charset=utf-8']);
  expect((await get('/m/model.onnx')).headers.get('content-type')).toBe('application/octet-stream');
});

it('does not send again what the caller has', async () => {
  const etag = (await get('/docs/')).headers.get('etag') ?? '';
  expect(etag).toMatch(/^"\w+-2"$/);
  expect((await get('/docs/', { 'if-none-match': etag })).status).toBe(304);
  expect((await get('/docs/', { 'if-none-match': '"other"' })).status).toBe(200);
});

it('answers 404 for what is not there, and for a folder without a slash rather than its list', async () => {
  for (const path of ['/none', '/docs', '/none/']) expect((await get(path)).status, path).toBe(404);
});
