import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { overloadRefusal } from '../src/contract/api/overload.ts';
import type { OwnLag } from '../src/kernel/own-lag.ts';
import { ok } from '../src/kernel/result.ts';

/**
 * Where submissions wait while the object is behind, one after another: what has been accepted already, and its agents, come first. So no more is
 * accepted than is done, and what is accepted is not late. [J291]
 */
export class SubmitGate {
  readonly #lag: OwnLag;
  #last: Promise<unknown> | undefined;
  #waiting = 0;

  constructor(lag: OwnLag) {
    this.#lag = lag;
  }

  /** Resolves when a submission may begin. Refuses with `overloaded` one that would have to wait too long, or behind too many. */
  async pass(): Promise<Outcome<null>> {
    if (this.#waiting === 0 && this.#keepsUp()) {
      void this.#lag.keepKnown();
      return ok(null);
    }
    if (this.#waiting >= JOB_LIMITS.submitsWaitingMaxCount) return this.#refusal();
    const untilMs = Date.now() + JOB_LIMITS.submitWaitMsMax;
    this.#waiting += 1;
    const before = this.#last;
    const turn = this.#turn(before, untilMs).finally(() => (this.#waiting -= 1));
    this.#last = turn;
    return turn;
  }

  async #turn(before: Promise<unknown> | undefined, untilMs: number): Promise<Outcome<null>> {
    await before;
    // Measured by each: so it sees what the one before it has led to.
    do await this.#lag.measure();
    while (!this.#keepsUp() && Date.now() < untilMs);
    return this.#keepsUp() ? ok(null) : this.#refusal();
  }

  #keepsUp(): boolean {
    return this.#lag.presentMs() <= JOB_LIMITS.submitLagMaxMs;
  }

  #refusal(): Outcome<null> {
    return overloadRefusal('what the scheduler has accepted already', Math.max(this.#lag.presentMs(), JOB_LIMITS.submitRetryMs));
  }
}
