import { JOB_LIMITS } from '../src/contract/jobs/job-limits.ts';

/** The clock of an object and its timer. */
interface Time {
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Lets calls that come close together write in one turn of the object: storage commits what one turn has written at once, and waits for
 * the disk once. A call after a pause goes on without delay; those that follow within `gatherMs` go on together when that time is over. [J222]
 */
export class GroupCommit {
  readonly #gatherMs: number;
  readonly #time: Time;
  #turnedAtMs = -Infinity;
  #next: Promise<void> | undefined;

  constructor(gatherMs: number = JOB_LIMITS.commitGatherMs, time: Time = SYSTEM_TIME) {
    this.#gatherMs = gatherMs;
    this.#time = time;
  }

  /** What `work` answers, which reads and writes without awaiting anything. */
  async turn<T>(work: () => T): Promise<Awaited<T>> {
    const nowMs = this.#time.nowMs();
    // A clock set back delays none for longer.
    const waitMs = Math.min(this.#turnedAtMs + this.#gatherMs - nowMs, this.#gatherMs);
    if (this.#next !== undefined || waitMs > 0) await (this.#next ??= this.#begunAfter(waitMs));
    else this.#turnedAtMs = nowMs;
    return await work();
  }

  async #begunAfter(waitMs: number): Promise<void> {
    await this.#time.pause(waitMs);
    this.#next = undefined;
    this.#turnedAtMs = this.#time.nowMs();
  }
}

const SYSTEM_TIME: Time = { nowMs: () => Date.now(), pause: (ms) => scheduler.wait(ms) };
