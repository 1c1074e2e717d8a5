import type { Timer } from '../src/kernel/timer.ts';

/** The runtime's timer. */
export const systemTimer: Timer = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
