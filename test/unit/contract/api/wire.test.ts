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
  '0.1.0': 'fe446488690e9343c85efff603eb41bfce24054f100edafe97c78bfaf2c1336d',
  '0.2.0': '8605c2c82a18e29a2f533fe02f9ae1f1234a5701e21f288b5145f1630ef6997a',
  '0.3.0': 'a0135983788f058ecc359f1438d1a373fcad89f7176b5137a6adc5fef6fc990d',
  '0.4.0': '761f95bd517e236ab6ade5169bab193c6cc8912f8791511fa23fd49141974a17',
  '0.4.1': '541a540371bd8591f39457d81c088ff34539bb3e3369f51c29f759ca0b7851c0',
  '0.5.0': 'e2f26f8b8579927fa1f0a95fdf5cf7f51c46c17928b5613313153dcfa0836211',
  '0.5.1': '111182a2cb1ae8301d12c173303ce793ce7b96fd01e5c2a6f53fac049fa15745',
  '0.6.0': '1a0e4bf90170463a8a58340a95224ff72953a7a09c01b0ace1d95b04ec3b9cd6',
  '0.7.0': 'a4f188134175f6f98c4ddfd549b6e6b27cdab00bd7a046807780d37f5b35bda5',
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
