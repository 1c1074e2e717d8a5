import type { Clock } from '../src/kernel/clock.ts';
import type { Timer } from '../src/kernel/timer.ts';

/** The runtime's clock. */
export const systemClock: Clock = { nowMs: () => Date.now() };

/** The runtime's timer. */
export const systemTimer: Timer = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
