import * as z from 'zod';

import { apiObject, apiText } from './api-text.ts';
import type { Endpoint } from './endpoint.ts';
import { call, json, PUBLIC, tenantOrAdmin } from './endpoint.ts';

const health = apiObject(() => ({ status: z.literal('ok') }));

export const opsEndpoints = {
  health: {
    ...call('GET', '/healthz'),
    tag: 'Operations',
    summary: apiText('Whether this isolate answers'),
    access: PUBLIC,
    meters: [],
    status: 200,
    reply: json(health),
  },
  ready: {
    ...call('GET', '/readyz'),
    tag: 'Operations',
    summary: apiText('Whether the control objects and the default model answer'),
    access: PUBLIC,
    meters: [],
    status: 200,
    reply: json(health),
  },
  metrics: {
    ...call('GET', '/metrics'),
    tag: 'Operations',
    summary: apiText('Counters and latencies of this isolate, in Prometheus text format'),
    access: tenantOrAdmin('ops:read'),
    meters: [],
    status: 200,
    reply: { kind: 'bytes', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
  },
} as const satisfies Record<string, Endpoint>;
