import { metricsText } from '../pipeline/metrics.ts';
import type { Handlers } from '../pipeline/serve.ts';

export const opsHandlers = {
  health: async () => ({ ok: true, reply: { status: 'ok' as const }, used: {} }),
  ready: async ({ gateway }) => {
    const ready = await gateway.readiness.check();
    return ready.ok ? { ok: true, reply: { status: 'ok' as const }, used: {} } : ready;
  },
  metrics: async ({ gateway }) => ({ ok: true, reply: metricsText(gateway.metrics.families()), used: {} }),
} satisfies Partial<Handlers>;
