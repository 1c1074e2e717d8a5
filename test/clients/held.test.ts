import { describe, expect, it } from 'vitest';

import { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const MODEL = 'glove-sif-100';

const server = sharedDeployment();

describe('a resource-count quota', () => {
  it('[T40] [T52] bounds the vectors of all indexes of a tenant; deletions make room', async () => {
    const { client } = await createTenant(server, { quota: { vectors: { held: 10 } } });
    const gateways = server.urls.map((url) => new ApiClient(url, client.apiKey));
    for (const name of ['a', 'b']) await client.post('/v1/indexes', { name, owner: 'testers', dimensions: 2 });
    const upsert = async (by: ApiClient, index: string, ids: readonly string[]) => {
      const answer = await by.post(`/v1/indexes/${index}/upsert`, { vectors: ids.map((id) => ({ id, values: [1, 2] })) });
      return answer.status === 200 ? 200 : answer.body.error.code;
    };
    const stored = async () => {
      const counts = await Promise.all(['a', 'b'].map((index) => client.get(`/v1/indexes/${index}/stats`)));
      return counts.reduce((sum, { body }) => sum + body.vectors, 0);
    };
    expect(await upsert(client, 'a', ['1', '2', '3', '4', '5', '6'])).toBe(200);
    // Concurrent single writes of new vectors: four fit.
    const crowd = await Promise.all(Array.from({ length: 12 }, (_, n) => upsert(gateways[n % 2]!, n % 3 === 0 ? 'a' : 'b', [`c${n}`])));
    expect(crowd.filter((code) => code === 200)).toHaveLength(4);
    expect(new Set(crowd)).toEqual(new Set([200, 'insufficient_quota']));
    expect(await stored()).toBe(10);
    // Rewriting an existing vector needs room for a new one, because the quota is reserved before it is known which ids exist.
    expect(await upsert(client, 'a', ['1'])).toBe('insufficient_quota');
    await client.post('/v1/indexes/a/delete', { ids: ['1', '2', '3'] });
    expect(await upsert(client, 'b', ['x', 'y', 'z'])).toBe(200);
    expect(await upsert(client, 'b', ['one more'])).toBe('insufficient_quota');
    expect(
      await upsert(
        client,
        'b',
        Array.from({ length: 11 }, (_, n) => `n${n}`),
      ),
    ).toBe('limit_exceeded');
    expect(await stored()).toBe(10);
    expect((await client.get('/v1/quotas')).body.held).toEqual([{ resource: 'vectors', limit: 10, units: 10 }]);
  });

  it('[T40] [T52] bounds the open jobs of a tenant; one that ends makes room', async () => {
    const { client } = await createTenant(server, { quota: { jobs: { held: 2 } } });
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(['{"id": "a", "text": "x"}\n']), 'lines.jsonl');
    const file = (await client.call('POST', '/v1/files', form)).body.id;
    const submit = () => client.post('/v1/jobs', { kind: 'batch_embedding', model: MODEL, input_file: file, owner: 'testers' });
    const jobs = await Promise.all(Array.from({ length: 6 }, submit));
    const made = jobs.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(made).toHaveLength(2);
    expect(jobs.find(({ status }) => status !== 201)?.body.error).toMatchObject({
      code: 'insufficient_quota',
      message: expect.stringContaining('jobs at a time of the tenant'),
    });
    await client.post(`/v1/jobs/${made[0]}/cancel`, undefined);
    expect((await submit()).status).toBe(201);
    expect((await submit()).status).toBe(429);
  });
});
