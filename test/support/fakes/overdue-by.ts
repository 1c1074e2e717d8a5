import { LIMITS } from '../../../src/contract/limits.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { OverdueSweep } from '../../../src/kernel/overdue-sweep.ts';
import type { Timer } from '../../../src/kernel/timer.ts';

/** The limit of reads without a deadline, as gateways have it, by a test's own time. Nothing ends the passes here but the end of the waits. */
export const overdueBy = (clock: Clock, timer: Timer, limitMs: number = LIMITS.queryDeadlineDefaultMs): OverdueSweep =>
  new OverdueSweep({
    clock,
    timer,
    keepAlive: () => undefined,
    limitMs,
    passMs: LIMITS.overduePassMs,
  });
