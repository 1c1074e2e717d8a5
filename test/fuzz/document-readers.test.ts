import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutReaders, ranReader, READER_MODULES } from '../support/readers/document-readers.ts';

const run = promisify(execFile);

/** An index through the client that openapi-typescript describes; what came of it is printed as JSON. */
const PROGRAM = `
import createClient from 'openapi-fetch';
import type { operations, paths } from './api.d.ts';

// Neither more operations nor fewer: the compiler compares.
export const NAMES: Readonly<Record<keyof operations, true>> = ${JSON.stringify(Object.fromEntries(Object.keys(ENDPOINTS).map((name) => [name, true])))};

/** An answer as JSON: others, as frames of vectors, are texts or bytes. */
const asJson = <T,>(answer: T) => (typeof answer === 'string' ? undefined : (answer as Exclude<T, string>));

declare const process: { readonly env: Readonly<Record<string, string | undefined>> };

const headers = { authorization: \`Bearer \${process.env['SLUICE_API_KEY']}\` };
const client = createClient<paths>({ baseUrl: process.env['SLUICE_URL'] ?? '', headers });

const created = await client.POST('/v1/indexes', { body: { name: 'articles', model: 'glove-sif-100' } });
const params = { path: { index: 'articles' } };
const vectors = [
  { id: 'lock', text: 'the lock keeper opens the gates at dawn' },
  { id: 'weir', text: 'a weir holds back the river' },
];
await client.POST('/v1/indexes/{index}/upsert', { params, body: { vectors } });
const found = await client.POST('/v1/indexes/{index}/query', { params, body: { text: 'who opens the lock?', top_k: 1 } });
const refused = await client.GET('/v1/indexes/{index}', { params: { path: { index: 'missing' } } });
const listed = await client.GET('/v1/indexes', { params: { query: { limit: 1 } } });

console.log(
  JSON.stringify({
    created: created.data?.name,
    matches: asJson(found.data)?.matches.map((match) => match.id),
    refused: [asJson(refused.error)?.error.code, refused.response.status],
    listed: listed.data?.data.map((index) => index.name),
  }),
);
`;

/** Every check that the compiler has, also of the description itself. */
const STRICTEST = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    allowImportingTsExtensions: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'dom'],
    types: [],
  },
  files: ['program.ts', 'api.d.ts'],
};

describe.skipIf(isWithoutReaders('what reads the document'))('what reads the document', { timeout: 600_000 }, () => {
  let folder: string;
  let server: Deployment;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-readers-'));
    server = await deploy();
    const files = {
      'openapi.json': await (await fetch(`${server.urls[0]}/openapi.json`)).text(),
      'redocly.yaml': 'extends: [recommended]\n',
      'spectral.yaml': 'extends: ["spectral:oas"]\n',
      'package.json': '{ "type": "module" }',
      'tsconfig.json': JSON.stringify(STRICTEST),
      'program.ts': PROGRAM,
    };
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
    await symlink(READER_MODULES, join(folder, 'node_modules'));
    await ranReader('openapi-typescript', ['openapi.json', '--output', 'api.d.ts'], folder);
  }, 600_000);

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('[G141] Redocly finds no error by its rules `recommended`', async () => {
    const printed = await ranReader('redocly', ['lint', '--config', 'redocly.yaml', '--format', 'json', 'openapi.json'], folder);
    expect(JSON.parse(printed)).toMatchObject({ totals: { errors: 0 } });
  });

  it('[G141] Spectral finds no error by its rules `spectral:oas`', async () => {
    const linted = ranReader('spectral', ['lint', '--quiet', '--ruleset', 'spectral.yaml', '--format', 'json', 'openapi.json'], folder);
    const found = JSON.parse(await linted) as readonly { readonly severity: number }[];
    expect(found.filter(({ severity }) => severity === 0)).toEqual([]);
  });

  it('[G142] the client of openapi-typescript has every operation and compiles under the strictest rules', async () => {
    await expect(run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder])).resolves.toMatchObject({ stdout: '' });
  });

  it('[G142] it works', async () => {
    const { client } = await createTenant(server);
    const environment = { ...process.env, SLUICE_URL: client.url, SLUICE_API_KEY: client.apiKey };
    const { stdout } = await run(process.execPath, [join(folder, 'program.ts')], { env: environment });
    expect(JSON.parse(stdout)).toEqual({
      created: 'articles',
      matches: ['lock'],
      refused: ['index_not_found', 404],
      listed: ['articles'],
    });
  });
});
