import { beforeAll, describe, expect, it } from 'vitest';

import { API_LIMITS } from '../../src/contract/api/api-limits.ts';
import type { ApiClient } from '../support/deployment/api-client.ts';
import { sharedDeployment } from '../support/deployment/shared-deployment.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const INDEX = '/v1/indexes/tides';

const server = sharedDeployment();
let client: ApiClient;

beforeAll(async () => {
  ({ client } = await createTenant(server));
  await client.post('/v1/indexes', { name: 'tides', dimensions: 2, owner: 'harbour', metric: 'dot' });
});

const write = async (id: string, x: number): Promise<number> =>
  (await client.post(`${INDEX}/upsert`, { vectors: [{ id, values: [x, 1] }] })).body.lsn;
const query = (body: object, headers: Record<string, string> = {}) =>
  client.post(`${INDEX}/query`, { vector: [1, 0], top_k: 1, ...body }, headers);

describe('reads', () => {
  it('[F36] have the consistency they request: a read with the LSN of a write sees it', async () => {
    for (let n = 1; n < 6; n += 1) {
      const lsn = await write(`tide ${n}`, n);
      for (const consistency of [undefined, 'strong', { min_lsn: lsn }]) {
        const { body, headers } = await query({ consistency });
        expect(body.matches[0].id).toBe(`tide ${n}`);
        expect(body.lsn).toBeGreaterThanOrEqual(lsn);
        expect(Number(headers.get('x-sluice-index-lsn'))).toBe(body.lsn);
        expect(body.partial).toBe(undefined);
        const fetched = await client.post(`${INDEX}/fetch`, { ids: [`tide ${n}`], consistency });
        expect(fetched.body.vectors.length).toBe(1);
      }
    }
    expect((await query({ consistency: 'eventual' })).status).toBe(200);
  });

  it('[F36] with an invalid consistency or deadline are refused, naming the field', async () => {
    for (const consistency of ['weak', { min_lsn: -1 }, { min_lsn: 1.5 }, { min_lsn: API_LIMITS.lsnMax + 1 }, { max_lsn: 3 }, 7]) {
      const refused = await query({ consistency });
      expect([refused.status, refused.body.error.param]).toEqual([400, expect.stringMatching(/^consistency/)]);
    }
    for (const deadline of ['0', '-5', 'soon', String(API_LIMITS.queryDeadlineMaxMs + 1)]) {
      const refused = await query({}, { 'x-sluice-deadline-ms': deadline });
      expect([refused.status, refused.body.error.param]).toEqual([400, 'x-sluice-deadline-ms']);
    }
  });

  it('[F36] are answered within their deadline, or refused when it has passed', async () => {
    expect((await query({}, { 'x-sluice-deadline-ms': String(API_LIMITS.queryDeadlineMaxMs) })).body.matches.length).toBe(1);
    const hurried = await query({}, { 'x-sluice-deadline-ms': '1' });
    if (hurried.status !== 200) expect([hurried.status, hurried.body.error.code]).toEqual([504, 'deadline_exceeded']);
  });
});
