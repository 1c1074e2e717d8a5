import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ApiClient } from '../support/deployment/api-client.ts';
import type { Deployment } from '../support/deployment/deployment.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

let server: Deployment;
let tenant: TestTenant;

beforeAll(async () => {
  server = await deploy(1, { LOG_LEVEL: 'info' });
  tenant = await createTenant(server);
});

afterAll(() => server.stop());

it('[G7] logs one line of JSON for each request, with names and sizes, without secrets or inputs', async () => {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  const body = { model: 'glove-sif-100', input: 'the secret recipe' };
  const answer = await tenant.client.post('/v1/embeddings?probe=secret-query', body, { 'x-request-id': 'log-probe' });
  await expect.poll(() => lines.join('\n')).toContain('log-probe');
  spy.mockRestore();
  log.mockRestore();

  const written = lines
    .join('\n')
    .split('\n')
    .filter((line) => line.includes('"log-probe"'));
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0] ?? '')).toMatchObject({
    level: 'info',
    request_id: 'log-probe',
    route: '/v1/embeddings',
    method: 'POST',
    status: answer.status,
    ms: expect.any(Number),
    tenant: tenant.id,
    key: tenant.keyId,
    bytes: JSON.stringify(body).length,
  });
  for (const secret of ['secret', tenant.client.apiKey, tenant.client.apiKey.slice(-20)]) expect(lines.join('\n')).not.toContain(secret);
});

it('[G8] counts and times requests by route, never by path', async () => {
  const { client } = tenant;
  const admin = new ApiClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  await client.get('/v1/models/glove-sif-100');
  await client.get('/v1/models/none');
  await client.get('/v1/upstreams');
  const { body } = await admin.get('/metrics');
  expect(body).toContain('sluice_requests_total{route="/v1/models/:model",method="GET",status="200"} 1\n');
  expect(body).toContain('sluice_requests_total{route="/v1/models/:model",method="GET",status="404"} 1\n');
  expect(body).toContain('sluice_refusals_total{code="model_not_found"} 1\n');
  expect(body).toMatch(/sluice_request_duration_seconds_count\{route="\/v1\/models\/:model"\} 2\n/);
  expect(body).toContain('sluice_requests_total{route="/v1/upstreams",method="GET",status="403"} 1\n');
  expect(body).not.toContain(client.apiKey);
});

/** All that the deployment has stored, as bytes. */
async function storedBytes(): Promise<Buffer> {
  const entries = await readdir(join(server.stateDir, 'storage'), { recursive: true, withFileTypes: true });
  // Journals come and go.
  const contentOf = (path: string): Promise<Buffer> =>
    readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
  return Buffer.concat(
    await Promise.all(entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => contentOf(join(parentPath, name)))),
  );
}

it('[U4] the secret of an upstream is in no answer, log line or stored file, nor in an error about it', async () => {
  const secret = 'sk-the-secret-that-nobody-may-read-0001';
  const lines: string[] = [];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0),
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0),
    vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line))),
    vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(String(line))),
  ];
  const { client } = await createTenant(server, { scopes: ['upstreams:read', 'upstreams:write', 'usage:read'] });
  const base = { name: 'watched', protocol: 'openai', base_url: 'https://api.example.com/v1' };
  const answers = [
    await client.post('/v1/upstreams', { ...base, secret }, { 'idempotency-key': 'watched' }),
    await client.post('/v1/upstreams', { ...base, secret }, { 'idempotency-key': 'watched' }),
    await client.post('/v1/upstreams', { ...base, secret: `${secret} with a space` }),
    await client.post('/v1/upstreams', { ...base, secret: [secret] }),
    await client.post('/v1/upstreams', { ...base, secret, base_url: 'http://127.0.0.1:1' }),
    await client.call('PATCH', '/v1/upstreams/watched', { secret: `${secret}2` }),
    await client.get('/v1/upstreams/watched'),
    await client.get('/v1/upstreams', { 'x-request-id': 'watched-last' }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 400, 400, 403, 200, 200, 200]);
  await expect.poll(() => lines.join('\n')).toContain('watched-last');
  for (const spy of spies) spy.mockRestore();
  expect(answers.at(-1)?.body.data[0].secret).toMatchObject({ set: true, hint: '0012' });
  expect(JSON.stringify(answers) + lines.join('\n')).not.toContain('nobody-may-read');
  const stored = await storedBytes();
  expect(stored.includes('api.example.com')).toBe(true);
  expect(stored.includes('nobody-may-read')).toBe(false);
});
