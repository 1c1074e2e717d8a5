import { sleep, systemClock } from '../../../../durable-objects/system-time.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { ReplicaWakes } from '../../../../src/gateway/pools/replica-wakes.ts';
import type { GatewayEnv } from '../../env.ts';
import { oncePerIsolate } from '../../pipeline/serving.ts';
import { within } from '../api/ask.ts';
import { schedulerQueue } from '../api/scheduler-queue.ts';

/** What wakes jobs that have given all their replicas back, for all calls of the isolate together. */
export const replicaWakes = oncePerIsolate((env: GatewayEnv): ReplicaWakes => {
  const queue = schedulerQueue(env.SCHEDULER);
  return new ReplicaWakes({
    wake: (tenant, job) => within(queue.act(tenant, job, { kind: 'wake' }), API_LIMITS.controlTimeoutMs),
    clock: systemClock,
    sleep,
  });
});
