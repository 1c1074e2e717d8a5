import { beforeAll, describe, expect, it } from 'vitest';

import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;

beforeAll(async () => {
  tenant = await createTenant(server);
});

const FIELDS = {
  title: { kind: 'text', weight: 2 },
  body: { kind: 'text', source: 'text' },
  terms: { kind: 'sparse', idf: true },
  tokens: { kind: 'multi_vector', dimensions: 2 },
};

describe('indexes with fields', () => {
  it('[TX230] [TX241] [TX242] [TX243] are created, described, written, read, exported and imported', async () => {
    const created = await tenant.client.post('/v1/indexes', { name: 'papers', dimensions: 2, owner: 'search-team', fields: FIELDS });
    expect([created.status, created.body.fields]).toMatchObject([201, { ...FIELDS, terms: { model: null, contract_hash: null } }]);
    expect((await tenant.client.get('/v1/indexes/papers')).body.fields).toEqual(created.body.fields);
    const fields = { title: 'The lock', terms: { indices: [7, 2], values: [1.5, 0.1] }, tokens: [[1, -0.5]] };
    const kept = {
      title: 'The lock',
      terms: { indices: [2, 7], values: [0.1, 1.5] },
      tokens: { codes: 'f8A=', scales: [Math.fround(1 / 127)] },
    };
    const path = '/v1/indexes/papers';
    const vectors = [
      { id: 'a', values: [1, 2], text: 'a lock keeper', fields },
      { id: 'b', values: [2, 1] },
    ];
    expect((await tenant.client.post(`${path}/upsert`, { vectors })).body).toMatchObject({ upserted: 2 });
    await tenant.client.post(`${path}/metadata`, { ids: ['a'], set: { page: 3 } });
    const fetched = await tenant.client.post(`${path}/fetch`, { ids: ['a', 'b'], include_values: false, include_fields: true });
    expect(fetched.body.vectors).toEqual([
      { id: 'a', metadata: { page: 3 }, fields: kept },
      { id: 'b', metadata: null, fields: null },
    ]);
    const found = await tenant.client.post(`${path}/query`, { vector: [1, 2], top_k: 1, include_fields: true });
    expect(found.body.matches).toMatchObject([{ id: 'a', fields: kept }]);
    expect((await tenant.client.post(`${path}/list`, { include_fields: true })).body.vectors).toMatchObject([
      { fields: kept },
      { fields: null },
    ]);
  });
});
