import { QDRANT_VERSION, qdrantServiceEndpoints } from '../../../../src/contract/qdrant/service.ts';
import type { Route } from '../../serve.ts';
import { route } from '../../serve.ts';

export const qdrantServiceRoutes: readonly Route[] = [
  route(qdrantServiceEndpoints.qdrantVersion, async () => ({
    ok: true,
    reply: { title: 'sluice - vectors by the API of qdrant', version: QDRANT_VERSION },
    used: {},
  })),
  route(qdrantServiceEndpoints.qdrantHealth, async () => ({ ok: true, reply: 'healthz check passed', used: {} })),
  route(qdrantServiceEndpoints.qdrantLiveness, async () => ({ ok: true, reply: 'healthz check passed', used: {} })),
  route(qdrantServiceEndpoints.qdrantReadiness, async ({ gateway }) => {
    const ready = await gateway.readiness.check();
    return ready.ok ? { ok: true, reply: 'all shards are ready', used: {} } : ready;
  }),
];
