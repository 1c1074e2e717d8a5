import { expect, it } from 'vitest';

import { isAnsweredUnpaid, PATH_PARAMS } from '../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import type { EndpointName } from '../../src/contract/endpoints.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { SCOPES } from '../../src/contract/api/principal.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { SAMPLE_BODIES } from '../support/fixtures/sample-bodies.ts';

const server = sharedDeployment();
const MODEL = 'glove-sif-100';
const PERIOD = new Date().toISOString().slice(0, 7);

/** What a key of a tenant may call. */
const OF_TENANTS = (Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]).filter(([, { access }]) => access.kind.startsWith('tenant'));
const READS = OF_TENANTS.filter(([, endpoint]) => isAnsweredUnpaid(endpoint));

it('[T111] every operation that only reads is answered, and not billed, where no money is left', async () => {
  const tenant = await createTenant(server, { scopes: SCOPES });
  const admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  await tenant.client.post('/v1/indexes', { name: 'read', dimensions: 4 });
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob(['{"id": "a", "text": "weir"}\n']), 'texts.jsonl');
  const file = (await tenant.client.call('POST', '/v1/files', form)).body.id;
  const job = (await tenant.client.post('/v1/jobs', { kind: 'batch_embedding', model: MODEL, input_file: file })).body.id;
  const owned: Record<string, string> = { index: 'read', collection: 'read', file, job, model: MODEL, period: PERIOD, tenant: tenant.id };

  await admin.put('/v1/budgets', { tenant: tenant.id, amount_usd: '0.000000300', hard: true });
  const spends = () => tenant.client.post('/v1/aliases', { actions: [] });
  await expect.poll(async () => (await spends()).status).toBe(429);
  const total = async () => (await tenant.client.get(`/v1/invoices/${PERIOD}`)).body.total_usd;
  const before = await total();

  const call = async ([name, { method, path, body }]: (typeof READS)[number]) => {
    const filled = path.replaceAll(PATH_PARAMS, (_, parameter: string) => owned[parameter] ?? 'missing');
    const answer = await tenant.client.call(method, filled, body.kind === 'none' ? undefined : SAMPLE_BODIES[name]?.(owned));
    return { name, status: answer.status, code: answer.body?.error?.code };
  };
  const answers = await Promise.all(READS.map(call));
  expect(answers.filter(({ status, code }) => status === 429 || code === 'insufficient_quota' || status >= 500)).toEqual([]);
  const served = answers.flatMap(({ name, status }) => (status === 200 ? [name] : []));
  expect(served).toEqual(expect.arrayContaining(['listJobs', 'getJob', 'explainJob', 'planJob', 'cancelJob', 'getInvoice', 'getUsage']));
  expect(READS.length).toBeGreaterThan(90);
  expect(OF_TENANTS.filter(([, endpoint]) => endpoint.method === 'GET' && !isAnsweredUnpaid(endpoint))).toEqual([]);
  // All that consumes something, or changes something, is refused.
  const others = OF_TENANTS.filter(([name, endpoint]) => !isAnsweredUnpaid(endpoint) && !name.startsWith('delete'));
  expect(new Set((await Promise.all(others.map(call))).map(({ status }) => status))).toEqual(new Set([429]));
  expect(await total()).toBe(before);
  expect((await spends()).status).toBe(429);
});
