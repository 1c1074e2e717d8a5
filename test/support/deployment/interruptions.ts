import { setTimeout as sleep } from 'node:timers/promises';

import type { ApiAnswer } from './api-client.ts';

/** Generous: restarting a deployment takes seconds on a busy machine. */
const ANSWER_MAX_MS = 120_000;
const RETRY_MS = 25;

/**
 * Calls that clients repeat until they are answered, and kills of the server that interrupt them. The server is killed when an
 * acknowledgement arrives while other calls are under way. A kill counts only if it cut off one of those calls, so `count` does not
 * depend on how fast the machine is.
 */
export class Interruptions {
  /** Kills that cut off at least one call. */
  count = 0;
  acknowledged = 0;
  readonly #underWay = new Set<Promise<'answered' | 'cut off'>>();
  readonly #awaiting = new Set<() => void>();

  /** Repeats a call until it is answered; the call must be safe to repeat. */
  async call(send: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
    for (let waitedMs = 0; waitedMs < ANSWER_MAX_MS; waitedMs += RETRY_MS) {
      const answer = await this.#tracked(send);
      if (answer !== undefined && answer.status < 500 && answer.status !== 429) {
        this.acknowledged += 1;
        for (const awaken of this.#awaiting) awaken();
        return answer;
      }
      await sleep(RETRY_MS);
    }
    throw new Error('never answered');
  }

  /** Kills once `acknowledgements` more calls are acknowledged and others are under way; repeats this until a kill cut off a call. */
  async kill(acknowledgements: number, kill: () => unknown): Promise<void> {
    const target = this.acknowledged + acknowledgements;
    for (;;) {
      while (this.acknowledged < target || this.#underWay.size === 0) await this.#nextAcknowledgement();
      const victims = [...this.#underWay];
      const killing = kill();
      const fates = await Promise.all(victims);
      await killing;
      if (fates.includes('cut off')) break;
    }
    this.count += 1;
  }

  #nextAcknowledgement(): Promise<void> {
    return new Promise((resolve) => {
      const awaken = (): void => {
        this.#awaiting.delete(awaken);
        resolve();
      };
      this.#awaiting.add(awaken);
    });
  }

  async #tracked(send: () => Promise<ApiAnswer>): Promise<ApiAnswer | undefined> {
    const answer = send().catch(() => undefined);
    const fate = answer.then((given) => (given === undefined ? 'cut off' : 'answered'));
    this.#underWay.add(fate);
    await fate;
    this.#underWay.delete(fate);
    return answer;
  }
}
