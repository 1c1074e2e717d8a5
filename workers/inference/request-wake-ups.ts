import { waitUntil } from 'cloudflare:workers';

import { systemTimer } from '../../durable-objects/system-time.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import { TimedWakeUps } from '../../src/kernel/wake-ups.ts';

/** How requests of a Worker wait for each other: each by its own timer, while the leader's own `waitUntil` keeps its work running. */
export const requestWakeUps = new TimedWakeUps(
  systemTimer,
  { firstMs: LIMITS.sharedWorkFirstLookMs, lastMs: LIMITS.sharedWorkLastLookMs },
  (work) => waitUntil(work),
);
