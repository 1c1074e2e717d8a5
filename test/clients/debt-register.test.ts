import { expect, it } from 'vitest';

import { createTenant } from '../support/deployment/tenant.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { signer, todosOf } from '../support/debt/signed-upload.ts';

const server = sharedDeployment();
const SCOPES = ['planning:read', 'planning:write'];

it('[D91] [D92] [D94] facts that a CI signed make items, once, for their tenant alone', async () => {
  const [own, other] = await Promise.all([createTenant(server, { scopes: SCOPES }), createTenant(server, { scopes: SCOPES })]);
  const ci = signer();
  const { body: repository } = await own.client.put('/v1/debt/repositories', {
    repository: 'example/search',
    public_key: ci.publicKey,
    policy: { confidence_min: 0 },
  });
  const nowS = Math.floor(Date.now() / 1000);
  const envelope = ci.sign({
    signed_at: nowS,
    file: {
      format: 'sluice-debt-facts-1',
      repository: 'example/search',
      git_commit: null,
      collected_at: nowS,
      facts: todosOf({ 'src/a.ts': 400 }, nowS),
    },
  });
  const taken = await own.client.post('/v1/debt/facts', envelope);
  expect([taken.status, taken.body]).toEqual([
    200,
    { object: 'debt.upload', repository: repository.id, facts: 2, opened: 1, closed: expect.any(Number) },
  ]);
  expect((await own.client.post('/v1/debt/facts', envelope)).body.error.code).toBe('state_conflict');
  expect((await other.client.post('/v1/debt/facts', envelope)).body.error.code).toBe('record_not_found');

  const { body: items } = await own.client.get('/v1/debt/items?rule=old-todo');
  expect(items.data).toMatchObject([{ subject: 'src/a.ts', state: 'open', evidence: [{ kind: 'todo', value: 400 }] }]);
  const path = `/v1/debt/items/${items.data[0].item}`;
  expect((await other.client.get(path)).status).toBe(404);
  expect((await other.client.post(path, { action: 'assign', assignee: 'x' })).status).toBe(404);
  expect((await own.client.post(path, { action: 'accept', days: 91, reason: 'later' })).body.error.code).toBe('limit_exceeded');
  expect((await own.client.post(path, { action: 'accept', days: 90, reason: 'later' })).body).toMatchObject({
    state: 'accepted',
    events: [
      { kind: 'opened', by: null },
      { kind: 'accepted', by: own.keyId, reason: 'later' },
    ],
  });
  expect((await other.client.get('/v1/debt/items')).body.data).toEqual([]);
  const { body: summary } = await own.client.get('/v1/debt/summary');
  const known = new Map(summary.repositories.map((one: { repository: string; signals: unknown }) => [one.repository, one.signals]));
  expect(known.get('example/search')).toContainEqual({ signal: 'todos', known: true });
});

it('[D95] a tenant with a repository and no objectives has what the gateway measures of it', async () => {
  const { client } = await createTenant(server, { scopes: SCOPES });
  await client.put('/v1/debt/repositories', { repository: 'example/search', public_key: signer().publicKey });
  const measured = async (): Promise<string[]> =>
    (await client.get('/v1/debt/repositories')).body.data.map((one: { repository: string }) => one.repository).toSorted();
  await expect.poll(measured).toEqual(['(gateway)', 'example/search']);
});
