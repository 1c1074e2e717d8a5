import type { Clock } from './clock.ts';
import type { Timer } from './timer.ts';

interface Waiting {
  readonly dueMs: number;
  readonly end: () => void;
}

interface OverdueSweepParts {
  readonly clock: Clock;
  readonly timer: Timer;
  /** Keeps the passes running when the call that began them is over. They never reject. */
  readonly keepAlive: (passes: Promise<void>) => void;
  /** How long a wait may last. */
  readonly limitMs: number;
  /** From one pass to the next: an overdue wait may last so much longer. */
  readonly passMs: number;
}

/** Passes that are so many intervals late do not come any more: the platform has ended the call that made them. */
const PASSES_LATE = 3;

/**
 * Ends waits that last longer than a limit by passes over all of them, where a timer for each would cost more than the rest of the wait.
 * One call makes the passes; while others wait, the next call takes over after `limitMs`, so that no call runs for longer than twice that.
 */
export class OverdueSweep {
  readonly #parts: OverdueSweepParts;
  // All may wait equally long, so the one that is due first comes first.
  readonly #waiting = new Set<Waiting>();
  // Calls that made passes, or make them. The last one does; those before end.
  #sweeps = 0;
  // When the next pass has come at the latest, unless its call has ended.
  #passedByMs = -Infinity;

  constructor(parts: OverdueSweepParts) {
    this.#parts = parts;
  }

  /** Waits that have not ended. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** What `work` results in, or `late` if it has not ended in time. */
  within<T>(work: Promise<T>, late: () => T): Promise<T> {
    const nowMs = this.#parts.clock.nowMs();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { dueMs: nowMs + this.#parts.limitMs, end: () => resolve(late()) };
      this.#waiting.add(waiting);
      if (nowMs > this.#passedByMs) this.#begin(nowMs);
      const over = (settle: () => void): void => {
        this.#waiting.delete(waiting);
        settle();
      };
      work.then(
        (value) => over(() => resolve(value)),
        (defect: unknown) => over(() => reject(defect)),
      );
    });
  }

  #begin(nowMs: number): void {
    this.#sweeps += 1;
    this.#expectPass(nowMs);
    this.#parts.keepAlive(this.#sweep(this.#sweeps, nowMs));
  }

  async #sweep(sweep: number, startedMs: number): Promise<void> {
    const { clock, timer, limitMs, passMs } = this.#parts;
    do {
      await new Promise<void>((resolve) => void timer.after(passMs, resolve));
      if (sweep !== this.#sweeps) return;
      const nowMs = clock.nowMs();
      this.#endOverdue(nowMs);
      if (nowMs - startedMs < limitMs) this.#expectPass(nowMs);
      else this.#passedByMs = -Infinity;
    } while (this.#waiting.size > 0);
    this.#passedByMs = -Infinity;
  }

  #expectPass(nowMs: number): void {
    this.#passedByMs = nowMs + PASSES_LATE * this.#parts.passMs;
  }

  #endOverdue(nowMs: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.dueMs > nowMs) return;
      this.#waiting.delete(waiting);
      waiting.end();
    }
  }
}
