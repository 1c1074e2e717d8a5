import * as z from 'zod';

import type { Endpoint } from './endpoint.ts';
import { call, json, PUBLIC, tenantOrAdmin } from './endpoint.ts';

const health = z.object({ status: z.literal('ok') });

const common = { tag: 'Operations', meters: [], status: 200 } as const;

export const opsEndpoints = {
  health: {
    ...common,
    ...call('GET', '/healthz'),
    summary: 'Whether this isolate answers',
    access: PUBLIC,
    reply: json(health),
  },
  ready: {
    ...common,
    ...call('GET', '/readyz'),
    summary: 'Whether the control objects and the default model answer',
    access: PUBLIC,
    reply: json(health),
  },
  metrics: {
    ...common,
    ...call('GET', '/metrics'),
    summary: 'Counters and latencies of this isolate, in Prometheus text format',
    access: tenantOrAdmin('ops:read'),
    reply: { kind: 'bytes', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
  },
} as const satisfies Record<string, Endpoint>;
