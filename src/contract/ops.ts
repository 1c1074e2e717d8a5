import * as z from 'zod';

import { apiObject, apiText } from './api-text.ts';
import type { Endpoint } from './endpoint.ts';
import { call, json, PUBLIC, tenantOrAdmin } from './endpoint.ts';

const health = apiObject(() => ({ status: z.literal('ok') }));

const common = { tag: 'Operations', meters: [], status: 200 } as const;

export const opsEndpoints = {
  health: {
    ...common,
    ...call('GET', '/healthz'),
    summary: apiText('Whether this isolate answers'),
    access: PUBLIC,
    reply: json(health),
  },
  ready: {
    ...common,
    ...call('GET', '/readyz'),
    summary: apiText('Whether the control objects and the default model answer'),
    access: PUBLIC,
    reply: json(health),
  },
  metrics: {
    ...common,
    ...call('GET', '/metrics'),
    summary: apiText('Counters and latencies of this isolate, in Prometheus text format'),
    access: tenantOrAdmin('ops:read'),
    reply: { kind: 'bytes', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
  },
} as const satisfies Record<string, Endpoint>;
