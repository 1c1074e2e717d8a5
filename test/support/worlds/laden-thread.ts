import type { VirtualTime } from './virtual-time.ts';

/** A thread in virtual time that handles messages in the order of their arrival, each for as long as it costs. */
export class LadenThread {
  readonly #time: VirtualTime;
  /** When it has handled all that has arrived. */
  freeAtMs = 0;
  /** How much longer than usual each message takes. */
  slowness = 1;
  /** The longest that a message has waited since this was last set to 0. */
  waitedMsMax = 0;
  /** How long it has worked. */
  busyMs = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Resolves when a message that arrives now has had its turn. */
  async turn(costMs: number): Promise<void> {
    const nowMs = this.#time.nowMs();
    const cost = costMs * this.slowness;
    const beginsAtMs = Math.max(nowMs, this.freeAtMs);
    this.waitedMsMax = Math.max(this.waitedMsMax, beginsAtMs - nowMs);
    this.freeAtMs = beginsAtMs + cost;
    this.busyMs += cost;
    await this.#time.sleep(this.freeAtMs - nowMs);
  }
}
