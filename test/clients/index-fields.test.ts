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

  it('[TX205] [TX250] [TX252] [TX253] may be all that an index has', async () => {
    const fields = { body: { kind: 'text', source: 'text' }, terms: { kind: 'sparse' }, cover: { kind: 'vector', dimensions: 2 } };
    const created = await tenant.client.post('/v1/indexes', { name: 'texts', owner: 'search-team', fields });
    expect([created.status, created.body.dimensions]).toEqual([201, null]);
    const path = '/v1/indexes/texts';
    const vectors = [
      { id: 'a', text: 'the lock keeper', metadata: { page: 3 } },
      { id: 'b', fields: { terms: { indices: [1], values: [1] }, cover: [0, 1] } },
    ];
    expect((await tenant.client.post(`${path}/upsert`, { vectors })).body).toMatchObject({ upserted: 2 });
    const legs = [
      { kind: 'text', text: 'keepers' },
      { kind: 'sparse', field: 'terms', indices: [1], values: [1] },
    ];
    const found = await tenant.client.post(`${path}/search`, { legs, include_values: true });
    expect(found.body.matches.map(({ id, values }: { id: string; values: unknown }) => [id, values]).toSorted()).toEqual([
      ['a', null],
      ['b', null],
    ]);
    expect((await tenant.client.post(`${path}/query`, { field: 'cover', vector: [0, 2] })).body.matches).toMatchObject([
      { id: 'b', score: 1 },
    ]);
    const near = { legs: [{ kind: 'vector', field: 'cover', vector: [0, 2] }, legs[0]] };
    expect((await tenant.client.post(`${path}/search`, near)).body.matches).toHaveLength(2);
    expect((await tenant.client.post(`${path}/query`, { text: 'lock' })).body.error).toMatchObject({
      code: 'invalid_value',
      param: 'text',
    });
    expect((await tenant.client.post(`${path}/recall`, {})).body.error).toMatchObject({ code: 'invalid_value' });
    await tenant.client.post(`${path}/metadata`, { filter: { page: 3 }, set: { seen: true } });
    expect((await tenant.client.post(`${path}/list`, { include_values: true, include_text: true })).body.vectors).toMatchObject([
      { id: 'a', values: null, text: 'the lock keeper', metadata: { page: 3, seen: true } },
      { id: 'b', values: null, text: null },
    ]);
    expect((await tenant.client.get(`${path}/stats`)).body.vectors).toBe(2);
    expect((await tenant.client.post(`${path}/delete`, { ids: ['b'] })).body.deleted).toBe(1);
    expect((await tenant.client.post(`${path}/count`, {})).body.count).toBe(1);
  });

  it('[TX251] [TX252] [TX255] are what vectors without values have, and are changed alone', async () => {
    const path = '/v1/indexes/papers';
    await tenant.client.post(`${path}/upsert`, { vectors: [{ id: 'bare', values: null, text: 'a bare text', fields: { title: 'Bare' } }] });
    expect((await tenant.client.post(`${path}/query`, { vector: [1, 2], top_k: 9 })).body.matches).toHaveLength(2);
    const changed = await tenant.client.post(`${path}/fields`, { ids: ['bare', 'a'], set: { title: 'Changed' }, unset: ['tokens'] });
    expect([changed.status, changed.body]).toMatchObject([200, { updated: 2 }]);
    const search = { legs: [{ kind: 'text', text: 'changed' }], include_values: true };
    const { matches } = (await tenant.client.post(`${path}/search`, search)).body;
    expect(matches).toMatchObject([
      { id: 'a', values: [1, 2] },
      { id: 'bare', values: null },
    ]);
    const diverse = await tenant.client.post(`${path}/search`, { ...search, stages: [{ kind: 'mmr' }] });
    expect(diverse.body.matches).toHaveLength(2);
    expect((await tenant.client.post(`${path}/fields`, { ids: ['a'], unset: ['titel'] })).body.error).toMatchObject({ param: 'unset[0]' });
    const own = {
      vectors: [
        { id: 'bare', set: { title: 'Sluice' } },
        { id: 'a', unset: ['title'] },
        { id: 'none', unset: ['title'] },
      ],
    };
    expect((await tenant.client.post(`${path}/fields`, own)).body).toMatchObject({ updated: 2 });
    expect((await tenant.client.post(`${path}/search`, { legs: [{ kind: 'text', text: 'sluice changed' }] })).body.matches).toMatchObject([
      { id: 'bare' },
    ]);
    const twice = {
      vectors: [
        { id: 'a', unset: ['titel'] },
        { id: 'a', unset: ['titel'] },
      ],
    };
    expect((await tenant.client.post(`${path}/fields`, twice)).body.error).toMatchObject({ param: 'vectors[1].id' });
  });

  it('[TX248] [TX259] [TX264] have vectors, near which queries and plans search', async () => {
    const fields = { cover: { kind: 'vector', dimensions: 3, metric: 'l2' }, caption: { kind: 'vector', model: 'bge-static-256' } };
    const created = await tenant.client.post('/v1/indexes', { name: 'covers', dimensions: 2, owner: 'search-team', fields });
    expect(created.body.fields).toMatchObject({
      cover: { ...fields.cover, model: null, contract_hash: null },
      caption: { kind: 'vector', dimensions: 256, metric: 'cosine' },
    });
    const path = '/v1/indexes/covers';
    const captions = ['a lock keeper at the gates', 'flour from the mill', 'a weir across the river'];
    const vectors = captions.map((caption, i) => ({ id: `c${i}`, values: [1, i], fields: { caption, cover: [i, 1, 0] } }));
    expect((await tenant.client.post(`${path}/upsert`, { vectors })).body).toMatchObject({ upserted: 3 });
    const queried = async (body: object) => (await tenant.client.post(`${path}/query`, { include_metadata: false, ...body })).body.matches;
    expect(await queried({ field: 'cover', vector: [2, 1, 3], top_k: 2 })).toEqual([
      { id: 'c2', score: 3 },
      { id: 'c1', score: Math.sqrt(10) },
    ]);
    expect(await queried({ field: 'cover', id: 'c1', exclude_ids: ['c1'] })).toMatchObject([{ id: 'c0' }, { id: 'c2' }]);
    expect(await queried({ field: 'caption', text: 'who grinds flour?', top_k: 1 })).toMatchObject([{ id: 'c1' }]);
    const plan = { legs: [{ kind: 'vector', field: 'cover', vector: [2, 1, 3] }], top_k: 2, explain: true };
    const found = await tenant.client.post(`${path}/search`, plan);
    expect(found.body.matches).toMatchObject([{ id: 'c2' }, { id: 'c1' }]);
    expect((await tenant.client.post(`${path}/search`, { text: 'grinding flour', top_k: 1 })).body.matches).toMatchObject([{ id: 'c1' }]);
    const cover = Buffer.from(Float32Array.of(2, 1, 0).buffer).toString('base64');
    const fetched = await tenant.client.post(`${path}/fetch`, { ids: ['c2'], include_fields: true });
    expect(fetched.body.vectors[0].fields).toMatchObject({ cover: { vector: cover }, caption: { text: captions[2] } });
    const refused = await tenant.client.post(`${path}/query`, { field: 'cover', vector: [1, 2] });
    expect([refused.status, refused.body.error]).toMatchObject([400, { code: 'dimension_mismatch', param: 'vector' }]);
  });
});
