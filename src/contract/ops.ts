import * as z from 'zod';

import { apiOnly, apiText } from './api-text.ts';
import type { Endpoint } from './endpoint.ts';
import { json, NO_BODY, PUBLIC, tenantOrAdmin } from './endpoint.ts';

const health = apiOnly(() => z.object({ status: z.literal('ok') }));

export const opsEndpoints = {
  health: {
    method: 'GET',
    path: '/healthz',
    tag: 'Operations',
    summary: apiText('Whether this isolate answers'),
    access: PUBLIC,
    meters: [],
    body: NO_BODY,
    status: 200,
    reply: json(health),
  },
  ready: {
    method: 'GET',
    path: '/readyz',
    tag: 'Operations',
    summary: apiText('Whether the control objects and the default model answer'),
    access: PUBLIC,
    meters: [],
    body: NO_BODY,
    status: 200,
    reply: json(health),
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    tag: 'Operations',
    summary: apiText('Counters and latencies of this isolate, in Prometheus text format'),
    access: tenantOrAdmin('ops:read'),
    meters: [],
    body: NO_BODY,
    status: 200,
    reply: { kind: 'bytes', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
  },
} as const satisfies Record<string, Endpoint>;
