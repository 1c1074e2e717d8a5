import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { overloadRefusal } from '../../contract/api/overload.ts';
import type { Clock } from '../../kernel/clock.ts';
import { EntryPace } from '../../kernel/entry-pace.ts';
import { ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';

/** What a call does when it is over. */
export type Leave = (isServed: boolean) => void;

/** The gate of an isolate: calls wait there, before their bodies are read, while its thread is behind. [OL6] */
export class WorkGate {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #pace = new EntryPace({
    lagMs: API_LIMITS.threadLagMaxMs,
    burstMaxCount: API_LIMITS.callBurstMaxCount,
    perSFirst: API_LIMITS.callsPerSFirstCount,
    perSMin: API_LIMITS.callsPerSMinCount,
    underWayMin: API_LIMITS.callsUnderWayMinCount,
    underWayMaxMs: API_LIMITS.callUnderWayMaxMs,
    waitMaxMs: API_LIMITS.callWaitMaxMs,
    ownersMaxCount: API_LIMITS.callOwnersMaxCount,
  });

  constructor(clock: Clock, timer: Timer) {
    this.#clock = clock;
    this.#timer = timer;
  }

  get waiting(): number {
    return this.#pace.waiting;
  }

  /** Resolves when a call may begin. Refuses with `overloaded` what could not begin in time. `leftMs`: how long its caller waits from now on. */
  async pass(owner: string, leftMs: number): Promise<Outcome<Leave>> {
    const cameMs = this.#clock.nowMs();
    const step = this.#pace.come(owner, leftMs, cameMs);
    if (step.kind === 'refused') return overloadRefusal('the calls that wait for the gateway', step.waitMs);
    if (step.kind === 'wait') {
      await this.#sleepUntil(step.untilMs);
      this.#pace.entered(owner);
    } else if (step.isMeasured) await this.#sleepUntil(cameMs);
    return ok(this.#pace.begin(this.#clock.nowMs()));
  }

  async #sleepUntil(untilMs: number): Promise<void> {
    const delayMs = Math.max(0, untilMs - this.#clock.nowMs());
    await new Promise<void>((resolve) => void this.#timer.after(delayMs, resolve));
    const nowMs = this.#clock.nowMs();
    this.#pace.lagged(nowMs - untilMs, nowMs);
  }
}
