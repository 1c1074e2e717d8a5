import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { isWithoutPython, ranPython } from '../support/python/python-client.ts';

describe.skipIf(isWithoutPython('the client that openapi-python-client makes'))('the client that openapi-python-client makes', () => {
  let server: Deployment;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-generated-'));
    server = await deploy();
    await writeFile(join(folder, 'openapi.json'), await (await fetch(`${server.urls[0]}/openapi.json`)).text());
    const from = ['--path', join(folder, 'openapi.json')];
    const printed = await ranPython('openapi-python-client', [
      'generate',
      ...from,
      '--meta',
      'none',
      '--output-path',
      join(folder, 'sluice_api'),
    ]);
    expect(printed).not.toContain('will not be generated');
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('[G123] has every operation', async () => {
    const files = await readdir(join(folder, 'sluice_api/api'), { recursive: true });
    const calls = files.filter((file) => file.endsWith('.py') && !file.endsWith('__init__.py'));
    expect(calls.length).toBe(Object.keys(ENDPOINTS).length);
  });

  it('[G123] compiles under the strictest rules of mypy, and so does what uses it', async () => {
    const script = join(import.meta.dirname, 'generated_client.py');
    const checked = ranPython('mypy', ['--strict', '--cache-dir', join(folder, 'cache'), join(folder, 'sluice_api'), script], {
      MYPYPATH: folder,
    });
    await expect(checked).resolves.toContain('Success: no issues found');
  });

  it('[G123] works', async () => {
    const { client } = await createTenant(server);
    const script = join(import.meta.dirname, 'generated_client.py');
    const environment = { SLUICE_URL: client.url, SLUICE_API_KEY: client.apiKey, PYTHONPATH: folder };
    expect(JSON.parse(await ranPython('python', [script], environment))).toEqual({
      created: 'articles',
      matches: ['lock'],
      refused: ['index_not_found', 404],
      listed: ['articles'],
    });
  });
});
