import type { RunSharing } from '../../src/inference/served/token-runs.ts';
import { DirectWakeUps } from '../../src/kernel/wake-ups.ts';

/** How runs of a model are shared within one thread of Node: each waits for the others there alone. */
export const THREAD_SHARING: RunSharing = {
  clock: { nowMs: () => performance.now() },
  timer: {
    after(ms, action) {
      const timeout = setTimeout(action, ms);
      return () => clearTimeout(timeout);
    },
  },
  wakeUps: new DirectWakeUps(),
};
