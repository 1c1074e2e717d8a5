import { waitUntil } from 'cloudflare:workers';

import { systemTimer } from '../../durable-objects/system-time.ts';
import { SHARED_WORK_LIMITS } from '../../src/contract/api/shared-work.ts';
import { TimedWakeUps } from '../../src/kernel/wake-ups.ts';

/** How requests of a Worker wait for each other: each by its own timer, while the leader's own `waitUntil` keeps its work running. */
export const requestWakeUps = new TimedWakeUps(
  systemTimer,
  { firstMs: SHARED_WORK_LIMITS.sharedWorkFirstLookMs, lastMs: SHARED_WORK_LIMITS.sharedWorkLastLookMs },
  (work) => waitUntil(work),
);
