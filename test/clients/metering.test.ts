import { expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';
import { inOneMinute } from '../support/fixtures/in-time.ts';

const server = sharedDeployment();

it('[G6] counts every request, refused or not, and returns the tokens that a refused one reserved', async () => {
  const { client, spent } = await inOneMinute(async () => {
    const { client: fresh } = await createTenant(server);
    const embed = async (body: object) => fresh.post('/v1/embeddings', { model: 'glove-sif-100', ...body });
    const leftAfter = async (input: string) => Number((await embed({ input })).headers.get('x-ratelimit-remaining-tokens'));
    const upsert = (text: string) =>
      fresh.post('/v1/indexes/texts/upsert', { vectors: [{ id: 'a', text }] }, { 'idempotency-key': 'once' });
    await fresh.post('/v1/indexes', { name: 'texts', owner: 'search', model: 'glove-sif-100' });
    expect(await upsert('seven')).toMatchObject({ status: 200 });
    const left = await leftAfter('one two three');
    expect(await embed({})).toMatchObject({ status: 400 });
    // The shard refuses this write after its text was embedded.
    expect(await upsert('eight nine ten')).toMatchObject({ status: 422 });
    return { client: fresh, spent: left - (await leftAfter('four')) };
  });
  expect(spent).toBe(1);

  const { body } = await client.get('/v1/usage');
  const quantityOf = (meter: string) => body.data.find((line: { meter: string }) => line.meter === meter)?.quantity;
  // The usage request itself is counted after its answer.
  expect([quantityOf('requests'), quantityOf('embedding_tokens'), quantityOf('vectors_written')]).toEqual([6, 5, 1]);
});

it('[T51] reserves a request after the scopes of its key are checked and before it has any effect', async () => {
  const tenant = await createTenant(server, { quota: { requests: { month: 1 } }, scopes: ['index:read', 'index:write'] });
  expect(await tenant.client.get('/v1/indexes')).toMatchObject({ status: 200 });
  const create = () => tenant.client.post('/v1/indexes', { name: 'too-many', owner: 'search', dimensions: 4 });
  expect(await create()).toMatchObject({ status: 429, body: { error: { code: 'insufficient_quota' } } });
  // A call refused for its scope draws no quota.
  expect(await tenant.client.get('/v1/models')).toMatchObject({ status: 403, body: { error: { code: 'scope_denied' } } });
  const admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  await admin.put('/v1/quotas', { tenant: tenant.id, rules: [{ resource: 'requests', window: 'month', limit: 100 }] });
  await expect.poll(async () => (await tenant.client.get('/v1/indexes')).status).toBe(200);
  expect((await tenant.client.get('/v1/indexes')).body.data).toEqual([]);
});

it('[J270] [T51] a line of a batch is a request of its key, admitted and billed under its own route', async () => {
  const tenant = await createTenant(server);
  const admin = new ApiClient(server.urls[0]!, server.secrets.SLUICE_ADMIN_KEY);
  const made = await admin.post('/v1/keys', { tenant: tenant.id, name: 'batches', owner: 'testers' });
  // One for the call that makes the batch, and four for its eight lines.
  await admin.put('/v1/quotas', { key: made.body.id, rules: [{ resource: 'requests', window: 'month', limit: 5 }] });
  const params = { model: 'nobody/nothing', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] };
  const requests = Array.from({ length: 8 }, (_, line) => ({ custom_id: `line-${line}`, params }));
  const { body: batch } = await new ApiClient(server.urls[0]!, made.body.key).post('/v1/messages/batches', { requests });

  const found = async () => (await tenant.client.get(`/v1/messages/batches/${batch.id}`)).body.processing_status;
  await expect.poll(found, { timeout: 60_000, interval: 200 }).toBe('ended');
  const { body: results } = await tenant.client.get(`/v1/messages/batches/${batch.id}/results`);
  const codes = String(results)
    .trimEnd()
    .split('\n')
    .map((line): string => JSON.parse(line).result.error.error.code);
  expect(codes.toSorted()).toEqual([...Array<string>(4).fill('insufficient_quota'), ...Array<string>(4).fill('model_not_found')]);
  const { data } = (await admin.get(`/v1/usage?tenant=${tenant.id}&group_by=key,route`)).body;
  const billed = data
    .filter(({ key, meter }: Record<string, string>) => key === made.body.id && meter === 'requests')
    .map(({ route, quantity }: Record<string, unknown>) => [route, quantity]);
  expect(Object.fromEntries(billed)).toEqual({ '/v1/messages': 4, '/v1/messages/batches': 1 });
});
