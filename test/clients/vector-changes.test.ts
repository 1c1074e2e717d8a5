import { beforeAll, describe, expect, it } from 'vitest';

import { VECTOR_LIMITS } from '../../src/contract/vectors/vector-limits.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import type { TestTenant } from '../support/deployment/tenant.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const server = sharedDeployment();
let tenant: TestTenant;
let serial = 0;

beforeAll(async () => {
  tenant = await createTenant(server);
});

/** Creates an index of `count` vectors, `0`, `1`, ..., with metadata `{ n, even }`. */
async function indexOf(count: number): Promise<string> {
  const name = `changes-${(serial += 1)}`;
  await tenant.client.post('/v1/indexes', { name, dimensions: 2, metric: 'l2', owner: 'search-team' });
  for (let start = 0; start < count; start += 1000) {
    const vectors = Array.from({ length: Math.min(1000, count - start) }, (_, i) => start + i).map((n) => ({
      id: String(n),
      values: [n, 0],
      metadata: { n, even: n % 2 === 0 },
    }));
    await tenant.client.post(`/v1/indexes/${name}/upsert`, { vectors });
  }
  return `/v1/indexes/${name}`;
}

const idsOf = (vectors: readonly { id: string }[]): string[] => vectors.map(({ id }) => id);
const refused = (status: number, code: string, param: string | null) => ({ status, body: { error: { code, param } } });

describe('listing and counting over HTTP', () => {
  it('[Q60] return all vectors in the order of their numbers, in pages of any size', async () => {
    const index = await indexOf(2_500);
    for (const limit of [7, 1000]) {
      const listed: string[] = [];
      for (let after: string | undefined; ;) {
        const { status, body } = await tenant.client.post(`${index}/list`, { limit, ...(after === undefined ? {} : { after }) });
        expect(status).toBe(200);
        listed.push(...idsOf(body.vectors));
        after = body.vectors.at(-1)?.id;
        if (!body.has_more || listed.length > 40 * limit) break;
      }
      const countListed = Math.min(2_500, 41 * limit);
      expect(listed).toEqual(Array.from({ length: countListed }, (_, n) => String(n)));
    }
  });

  it('[Q60] return the requested fields of the vectors that a filter accepts', async () => {
    const index = await indexOf(30);
    const filter = { even: true, n: { $gte: 10 } };
    const page = await tenant.client.post(`${index}/list`, {
      filter,
      after: '12',
      limit: 3,
      include_values: true,
      include_metadata: false,
    });
    expect(page.body).toEqual({ vectors: [14, 16, 18].map((n) => ({ id: String(n), values: [n, 0] })), has_more: true, lsn: 1 });
    expect(page.headers.get('x-sluice-index-lsn')).toBe('1');
    const rest = await tenant.client.post(`${index}/list`, { filter, after: '24', limit: 2 });
    expect(rest.body).toMatchObject({ vectors: [{ id: '26', metadata: { n: 26 } }, { id: '28' }], has_more: false });
    expect((await tenant.client.post(`${index}/list`, { namespace: 'none' })).body.vectors).toEqual([]);
  });

  it('[Q61] count the vectors that a filter accepts', async () => {
    const index = await indexOf(1_234);
    const count = async (body: object) => (await tenant.client.post(`${index}/count`, body)).body;
    expect(await count({})).toEqual({ count: 1_234, lsn: 2 });
    expect(await count({ filter: { even: true } })).toEqual({ count: 617, lsn: 2 });
    expect(await count({ filter: { $not: { n: 3 } } })).toEqual({ count: 1_233, lsn: 2 });
    expect(await count({ namespace: 'none', filter: { $not: { n: 3 } } })).toEqual({ count: 0, lsn: 2 });
    await tenant.client.post(`${index}/delete`, { ids: ['0', '1'] });
    expect((await count({ filter: { even: true } })).count).toBe(616);
  });
});

describe('a call that changes stored vectors', () => {
  it('[Q62] sets, removes and replaces metadata of the named vectors, and bills as many writes', async () => {
    const index = await indexOf(4);
    const change = (body: object) => tenant.client.post(`${index}/metadata`, body);
    const set = await change({ ids: ['1', '2', '9'], set: { seen: true } });
    expect([set.body, set.headers.get('x-sluice-cost-usd')]).toEqual([{ updated: 2, lsn: 2 }, expect.stringMatching(/^0\.0+[1-9]/)]);
    await change({ ids: ['2'], set: { by: 'ada' }, at: 'review.of' });
    await change({ ids: ['2'], unset: ['even', 'review.none'] });
    await change({ ids: ['3'], replace: null });
    const { body } = await tenant.client.post(`${index}/fetch`, { ids: ['0', '1', '2', '3'] });
    expect(body.vectors.map(({ metadata }: { metadata: unknown }) => metadata)).toEqual([
      { n: 0, even: true },
      { n: 1, even: false, seen: true },
      { n: 2, seen: true, review: { of: { by: 'ada' } } },
      null,
    ]);
    expect((await tenant.client.post(`${index}/count`, { filter: { 'review.of.by': 'ada' } })).body.count).toBe(1);
    expect((await tenant.client.post(`${index}/query`, { vector: [2, 0], top_k: 1 })).body.matches[0].id).toBe('2');
  });

  it('[Q62][Q65] changes all vectors that a filter accepts, each once, in slices', async () => {
    const index = await indexOf(4_500);
    const changed = await tenant.client.post(`${index}/metadata`, { filter: { even: true }, set: { even: 'no longer' } });
    // Changed vectors no longer match the filter, so none is changed twice.
    expect(changed.body).toEqual({ updated: 2_250, lsn: 5 + 3 });
    expect((await tenant.client.post(`${index}/count`, { filter: { even: 'no longer' } })).body.count).toBe(2_250);
    const again = await tenant.client.post(`${index}/metadata`, { filter: { n: { $lt: 4_500 } }, set: { pass: 2 } });
    expect(again.body.updated).toBe(4_500);
    expect((await tenant.client.post(`${index}/count`, { filter: { pass: 2 } })).body.count).toBe(4_500);
  });

  it('[Q63] gives vectors new values, which are found at once, and keeps their metadata', async () => {
    const index = await indexOf(50);
    const set = await tenant.client.post(`${index}/values`, {
      vectors: [
        { id: '3', values: [1000, 1] },
        { id: 'x', values: [1, 1] },
      ],
    });
    expect(set.body).toEqual({ updated: 1, lsn: 2 });
    const { body } = await tenant.client.post(`${index}/query`, { vector: [1000, 1], top_k: 1, include_values: true });
    expect(body.matches).toEqual([{ id: '3', score: 0, values: [1000, 1], metadata: { n: 3, even: false } }]);
    expect((await tenant.client.post(`${index}/count`, {})).body.count).toBe(50);
    const misfit = {
      vectors: [
        { id: '3', values: [1, 2] },
        { id: '4', values: [1, 2, 3] },
      ],
    };
    expect(await tenant.client.post(`${index}/values`, misfit)).toMatchObject(refused(400, 'dimension_mismatch', 'vectors[1].values'));
    const twice = {
      vectors: [
        { id: '3', values: [1, 2] },
        { id: '3', values: [1, 2] },
      ],
    };
    expect(await tenant.client.post(`${index}/values`, twice)).toMatchObject(refused(400, 'invalid_value', 'vectors[1].id'));
  });

  it('[Q64] refuses metadata over its limit, and a change that is ambiguous or empty', async () => {
    const index = await indexOf(3);
    const change = (body: object) => tenant.client.post(`${index}/metadata`, body);
    const half = 'x'.repeat(VECTOR_LIMITS.vectorMetadataBytesMax / 2);
    expect((await change({ ids: ['0', '1'], set: { a: half } })).body.updated).toBe(2);
    const over = await change({ ids: ['2', '1'], set: { b: half } });
    expect(over).toMatchObject(refused(400, 'limit_exceeded', 'metadata'));
    expect(over.body.error.message).toContain('vectorMetadataBytesMax');
    expect((await tenant.client.post(`${index}/count`, { filter: { b: { $exists: true } } })).body.count).toBe(0);
    const deep = 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q';
    expect(await change({ ids: ['0'], set: {}, at: deep })).toMatchObject(refused(400, 'limit_exceeded', 'metadata'));

    expect(await change({ ids: ['0'] })).toMatchObject(refused(400, 'invalid_value', 'set'));
    expect(await change({ set: {} })).toMatchObject(refused(400, 'invalid_value', 'ids'));
    expect(await change({ ids: ['0'], set: {}, replace: null })).toMatchObject(refused(400, 'invalid_value', 'set'));
    expect(await change({ ids: ['0'], unset: ['a'], at: 'b' })).toMatchObject(refused(400, 'invalid_value', 'at'));
    expect(await change({ filter: {}, unset: ['a'] })).toMatchObject(refused(400, 'invalid_value', 'filter'));
    expect(await change({ ids: ['0'], unset: ['a..b'] })).toMatchObject(refused(400, 'invalid_value', 'unset[0]'));
  });
});
