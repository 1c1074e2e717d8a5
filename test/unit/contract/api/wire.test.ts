import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { PATH_PARAMS } from '../../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { openApiDocument } from '../../../../src/contract/openapi/openapi.ts';
import { CONTRACT_VERSION } from '../../../../src/contract/api/version.ts';

/** The hash of each published version of the wire contract. A change needs a new version and a new line, never an edit. */
const HASHES: Record<string, string> = {
  '0.1.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.2.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.3.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.4.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.4.1': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.5.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.5.1': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.6.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
  '0.7.0': '27f867947452baad10f80e9ec56eb7afc4e8b81441528073a3b1b7a3e6948e9f',
};

describe('the wire contract', () => {
  it('does not change without a new version', () => {
    const hash = createHash('sha256').update(JSON.stringify(openApiDocument())).digest('hex');
    expect(hash).toBe(HASHES[CONTRACT_VERSION]);
  });

  it('has one version: in the package, the API document and the newest changelog entry', () => {
    const read = (file: string): string => readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8');
    expect((JSON.parse(read('package.json')) as { version: string }).version).toBe(CONTRACT_VERSION);
    expect((JSON.parse(read('package-lock.json')) as { version: string }).version).toBe(CONTRACT_VERSION);
    expect(openApiDocument().info.version).toBe(CONTRACT_VERSION);
    const [newest] = /^## .+$/m.exec(read('docs/changelog.md')) ?? [];
    expect(newest).toBe(`## ${CONTRACT_VERSION}`);
  });

  it('documents every endpoint', () => {
    const paths = openApiDocument().paths ?? {};
    for (const endpoint of Object.values<Endpoint>(ENDPOINTS)) {
      const path = paths[endpoint.path.replaceAll(PATH_PARAMS, '{$1}')] as Record<string, unknown> | undefined;
      expect(path?.[endpoint.method.toLowerCase()], `${endpoint.method} ${endpoint.path}`).toBeDefined();
    }
  });

  it('accepts an idempotency key on every POST that creates', () => {
    const creating = Object.values<Endpoint>(ENDPOINTS).filter(({ method, status }) => method === 'POST' && status === 201);
    expect(creating.length).toBeGreaterThan(4);
    expect(creating.filter(({ idempotent }) => idempotent !== true).map(({ path }) => path)).toEqual([]);
  });
});
