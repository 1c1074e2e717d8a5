import { JOB_LIMITS } from '../contract/jobs/job-limits.ts';

/**
 * How many attempts a partition lets wait for its agents: as many as they took up lately in the time between two syncs, and one for each of them. Any more
 * would only wait here instead of in the queue, where others may still pass them and nothing is lost with an agent. [P122]
 */
export class StartWindow {
  #fromMs = -Infinity;
  #taken = 0;
  #takenBefore = 0;

  /** An agent was answered an attempt that it had not had. */
  took(nowMs: number): void {
    this.#turnOver(nowMs);
    this.#taken += 1;
  }

  /** How many more may come, where so many wait for so many agents. */
  room(waiting: number, agents: number, nowMs: number): number {
    this.#turnOver(nowMs);
    return Math.max(0, Math.max(agents, JOB_LIMITS.startsWaitingLeastCount) + Math.max(this.#taken, this.#takenBefore) - waiting);
  }

  #turnOver(nowMs: number): void {
    const overMs = nowMs - this.#fromMs;
    if (overMs < JOB_LIMITS.poolSyncMs) return;
    this.#takenBefore = overMs < 2 * JOB_LIMITS.poolSyncMs ? this.#taken : 0;
    this.#taken = 0;
    this.#fromMs = nowMs;
  }
}
