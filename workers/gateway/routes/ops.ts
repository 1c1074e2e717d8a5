import { metricsText } from '../metrics.ts';
import type { Handlers } from '../serve.ts';
import { replied } from './wire.ts';

export const opsHandlers = {
  health: async () => ({ ok: true, reply: { status: 'ok' as const }, used: {} }),
  ready: ({ gateway }) => replied(gateway.readiness.check(), () => ({ status: 'ok' as const })),
  metrics: async ({ gateway }) => {
    const others = await Promise.all(Object.values(gateway.forwarded).map((worker) => worker.metrics()));
    return { ok: true, reply: metricsText([...gateway.metrics.families(), ...others.flat()]), used: {} };
  },
} satisfies Partial<Handlers>;
