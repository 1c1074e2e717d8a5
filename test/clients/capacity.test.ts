import { expect, it } from 'vitest';

import { AdminClient } from '../../workers/local/admin-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();

interface Ceiling {
  readonly subject: string;
  readonly resource: string;
  readonly status: string;
  readonly used: number;
}

interface Alert {
  readonly type: string;
  readonly data: { readonly details: Readonly<Record<string, unknown>> };
}

it('[K13] [K16] [K17] a limit that is reached saturates, and is alerted of once', async () => {
  const scopes = ['usage:read', 'inference', 'planning:read', 'planning:write'];
  const tenant = await createTenant(server, { scopes, quota: { requests: { month: 1_000 }, tokens: { month: 2 } } });
  const { client } = tenant;
  expect((await client.post('/v1/embeddings', { model: 'glove-sif-100', input: 'two words' })).status).toBe(200);
  const ceilings = async (): Promise<readonly Ceiling[]> => (await client.get('/v1/capacity/forecast')).body.ceilings;
  const tokens = async () => (await ceilings()).find(({ resource }) => resource === 'tokens');
  await expect.poll(async () => (await tokens())?.used).toBeGreaterThanOrEqual(2);
  expect(await tokens()).toMatchObject({ status: 'saturates', subject: tenant.id });
  expect((await ceilings()).map(({ resource, status }) => [resource, status])).toEqual([
    ['tokens', 'saturates'],
    ['requests', 'not_enough_data'],
    ['cache_bytes', 'not_enough_data'],
  ]);

  const admin = new AdminClient(server.urls[0] ?? '', server.secrets.SLUICE_ADMIN_KEY);
  const alerts = async () => (await admin.get<{ data: Alert[] }>(`/v1/alerts?organisation=${tenant.organisation}`)).data;
  const isAlerted = async () => (await alerts()).filter(({ type }) => type === 'capacity.saturates').length;
  // Setting them looks at once, and again when they are set again.
  expect((await client.put('/v1/capacity/alerts', { enabled: true })).body).toEqual({ enabled: true, horizon_days: 30 });
  await expect.poll(isAlerted).toBe(1);
  await client.put('/v1/capacity/alerts', { enabled: true, horizon_days: 10 });
  expect((await client.get('/v1/capacity/alerts')).body).toEqual({ enabled: true, horizon_days: 10 });
  const alert = (await alerts()).find(({ type }) => type === 'capacity.saturates');
  expect(alert?.data.details).toMatchObject({ limit_of: 'quota', subject: tenant.id, resource: 'tokens', window: 'month', limit: 2 });
  expect(await isAlerted()).toBe(1);
});
