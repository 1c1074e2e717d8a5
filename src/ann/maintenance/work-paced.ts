import type { Clock } from '../../kernel/clock.ts';
import type { Pace } from './pace.ts';

interface PacedWork {
  /** Does a slice; returns when to continue: now, later, or not at all. */
  readonly step: (nowMs: number) => Promise<number | undefined>;
  readonly slicesMax: number;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly wait: (delayMs: number) => Promise<void>;
}

/** Does slices one after the other while any is due, with pauses; returns when to continue, or undefined when nothing is left. */
export async function workPaced({ step, slicesMax, pace, clock, wait }: PacedWork): Promise<number | undefined> {
  for (let slice = 0; slice < slicesMax; slice += 1) {
    const startedMs = clock.nowMs();
    const nextMs = await step(startedMs);
    if (nextMs === undefined || nextMs > startedMs) return nextMs;
    // Only now are other calls served, and only by now has the platform's clock advanced.
    await wait(0);
    const nowMs = clock.nowMs();
    const pauseMs = pace.pauseMs(nowMs - startedMs, nowMs);
    if (pauseMs > 0) await wait(pauseMs);
  }
  return clock.nowMs();
}
