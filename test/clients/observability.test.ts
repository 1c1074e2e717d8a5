import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { deploy } from '../support/deployment/deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

let server: Server;
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
  await expect.poll(() => lines.join('\n'), { timeout: 30_000 }).toContain('log-probe');
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
  // The control Worker counts what it answers.
  expect(body).toContain('sluice_requests_total{worker="control",route="/v1/models/:model",method="GET",status="200"} 1\n');
  expect(body).toContain('sluice_requests_total{worker="control",route="/v1/models/:model",method="GET",status="404"} 1\n');
  expect(body).toContain('sluice_refusals_total{worker="control",code="model_not_found"} 1\n');
  expect(body).toMatch(/sluice_request_duration_seconds_count\{worker="control",route="\/v1\/models\/:model"\} 2\n/);
  // As the upstreams Worker does.
  expect(body).toContain('sluice_requests_total{worker="upstreams",route="/v1/upstreams",method="GET",status="403"} 1\n');
  expect(body).not.toContain(client.apiKey);
});
