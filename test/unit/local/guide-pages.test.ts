import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import MiniSearch from 'minisearch';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { openApiDocument } from '../../../src/contract/openapi/openapi.ts';
import { readGuides, urlOf, writeGuides } from '../../../workers/local/docs/guide-pages.ts';
import type { GuidePage } from '../../../workers/local/docs/page-shell.ts';
import { writeSearch } from '../../../workers/local/docs/search-index.ts';
import { ROOT } from '../../../workers/local/paths.ts';

let folder = '';
let guides: readonly GuidePage[];
/** By address. */
const pages = new Map<string, string>();
let index: MiniSearch;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-guides-'));
  guides = await readGuides();
  await writeGuides(folder, guides);
  await writeSearch(folder, guides, openApiDocument());
  for (const { url } of guides) pages.set(url, await readFile(join(folder, url.slice('/docs/'.length), 'index.html'), 'utf8'));
  const options = JSON.parse(await readFile(join(folder, 'search-options.json'), 'utf8')) as ConstructorParameters<typeof MiniSearch>[0];
  index = MiniSearch.loadJSON(await readFile(join(folder, 'search.json'), 'utf8'), options);
});

afterAll(() => rm(folder, { recursive: true }));

/** What is served as files beside the pages. */
const isFile = (path: string): boolean =>
  existsSync(join(folder, path.slice('/docs/'.length))) ||
  existsSync(join(ROOT, 'workers/gateway/public', path, path.endsWith('/') ? 'index.html' : ''));

/** Whether an address of the gateway is there, with its anchor. */
function isServed(link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const page = pages.get(path);
  if (anchor !== undefined && page !== undefined) return page.includes(` id="${anchor}"`);
  return page !== undefined || path === '/openapi.json' || isFile(path);
}

it('[G151] no link of a guide, and no picture, leads nowhere', () => {
  expect(pages.size).toBeGreaterThan(40);
  const links = [...pages].flatMap(([url, html]) => [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => ({ url, link })));
  const own = links.filter(({ link }) => !/^(?:https?:|data:)/.test(link));
  expect(own.length).toBeGreaterThan(500);
  expect(own.filter(({ link }) => !isServed(link))).toEqual([]);
});

it('[G151] pages have no script and no style but those of files', () => {
  for (const [url, html] of pages) expect(html.match(/<script(?![^>]* src=)|<style| style=| on[a-z]+=|"javascript:/gi), url).toBeNull();
});

it('[G151] the search finds every operation by its path and by its name, and each leads to where it is', () => {
  const document = openApiDocument();
  const ids = new Map(
    Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, { operationId: string }>).map(([method, { operationId }]) => [
        operationId,
        `${method.toUpperCase()} ${path}`,
      ]),
    ),
  );
  expect(ids.size).toBe(Object.keys(ENDPOINTS).length);
  const lost = [...ids].filter(([id, call], i) => {
    // The parts of a path are many words: they take the time.
    const text = i % 8 === 0 ? call : id;
    return !index.search(text, { combineWith: 'AND' }).some(({ url }) => String(url).endsWith(`/${id}`));
  });
  expect(lost).toEqual([]);
});

it.each([
  ['top_k', '/docs/reference/#/Vectors/queryVectors'],
  ['vesion', '/docs/guides/embeddings/#versions'],
  ['ollama', '/docs/guides/upstreams/'],
])('[G151] the search for %s finds %s among others', (text, url) => {
  const found = index.search(text, { prefix: true, fuzzy: 0.2, combineWith: 'AND' }).map((one) => String(one['url']));
  expect(found.some((one) => one.startsWith(url))).toBe(true);
});

it('[G151] two pages never have one address, and the first is where to start', () => {
  expect(new Set(guides.map(({ url }) => url)).size).toBe(guides.length);
  expect([urlOf('docs/start.md'), urlOf('docs/debt.md'), urlOf('docs/api/debt.md')]).toEqual([
    '/docs/',
    '/docs/debt/',
    '/docs/guides/debt/',
  ]);
  expect(pages.get('/docs/')).toContain('<h1 id="where-to-start">Where to start</h1>');
});
