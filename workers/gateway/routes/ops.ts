import { opsEndpoints } from '../../../src/contract/ops.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';

export const opsRoutes: readonly Route[] = [
  route(opsEndpoints.health, async () => ({ ok: true, reply: { status: 'ok' as const }, used: {} })),
  route(opsEndpoints.ready, async ({ gateway }) => {
    const ready = await gateway.readiness.check();
    return ready.ok ? { ok: true, reply: { status: 'ok' as const }, used: {} } : ready;
  }),
  route(opsEndpoints.metrics, async ({ gateway }) => ({ ok: true, reply: gateway.metrics.text(), used: {} })),
];
