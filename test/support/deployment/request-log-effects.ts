import { expect } from 'vitest';

import type { EndpointName } from '../../../src/contract/endpoints.ts';
import type { ApiClient } from './api-client.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

/** What the calls of the request log must have done in the tour of the examples. `answer`: what an earlier call of the tour answered. */
export const requestLogEffects = (tenant: () => ApiClient, answer: (name: EndpointName) => Body) => ({
  listRequests: ({ data, next }: Body) =>
    expect([data[0].code, data[0].status, data.length, next]).toEqual(['model_not_found', 404, 10, expect.any(Number)]),
  getRequest: (request: Body) => expect(request).toMatchObject({ model: 'lab/small', bodies: null, feedback: [], attempts: [] }),
  addRequestFeedback: async () => {
    const { body } = await tenant().get(`/v1/requests/${answer('getRequest').id}`);
    expect(body.feedback).toMatchObject([{ name: 'helpful', score: 1, comment: 'answers the question' }]);
  },
  requestStats: ({ data }: Body) =>
    expect(data[0]).toMatchObject({ group: 'lab/small', errors: data[0].requests, cost_usd: expect.any(String) }),
  getCostReport: (report: Body) => expect(report).toMatchObject({ upstreams: { requests: 0 }, saved_usd: expect.any(String) }),
  getRequestPolicy: (policy: Body) => expect(policy).toMatchObject({ entries: 'full', bodies: 'off', retention_days: 30 }),
  setRequestPolicy: async () =>
    expect((await tenant().get('/v1/requests/policy')).body).toMatchObject({ bodies: 'sampled', sample: 0.1, redact_fields: ['email'] }),
  exportRequests: async ({ id, filename }: Body) => {
    expect(filename).toBe('requests.jsonl');
    expect((await tenant().get(`/v1/files/${id}/content`)).body).toContain('"object":"request"');
  },
  deleteRequest: async ({ deleted }: Body) => {
    expect(deleted).toBe(1);
    expect((await tenant().get(`/v1/requests/${answer('getRequest').id}`)).status).toBe(404);
  },
  deleteRequests: async ({ deleted }: Body) => {
    expect(deleted).toBeGreaterThan(0);
    expect((await tenant().get('/v1/requests')).body.data).toEqual([]);
  },
});
