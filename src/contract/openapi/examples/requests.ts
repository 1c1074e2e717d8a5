import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';
import { answered } from './example.ts';

/** A request that was made before in the tour. */
const request = answered('listRequests', 'data.0.id');

/** The log of requests to upstreams. */
export const requestExamples = {
  getRequestPolicy: {},
  setRequestPolicy: {
    body: { entries: 'full', bodies: 'sampled', sample: 0.1, retention_days: 30, redact_fields: ['email'] },
  },
  listRequests: { query: { limit: 10 } },
  getRequest: { params: { request } },
  addRequestFeedback: { params: { request }, body: { name: 'helpful', score: 1, comment: 'answers the question' } },
  requestStats: { query: { by: 'model' } },
  getCostReport: {},
  exportRequests: { body: { filename: 'requests.jsonl' } },
  deleteRequest: { params: { request } },
  deleteRequests: { body: { everything: true } },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
