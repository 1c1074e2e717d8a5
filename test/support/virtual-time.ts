import type { Clock } from '../../src/kernel/clock.ts';
import type { Timer } from '../../src/kernel/timer.ts';

interface Due {
  readonly atMs: number;
  readonly serial: number;
  readonly run: () => void;
}

/** A clock and timer whose time passes only while everybody waits: what takes hours is simulated in no time, the same every time. */
export class VirtualTime implements Clock, Timer {
  #nowMs = 1_000_000;
  #serial = 0;
  readonly #due = new Set<Due>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const due = { atMs: this.#nowMs + delayMs, serial: (this.#serial += 1), run };
    this.#due.add(due);
    return () => void this.#due.delete(due);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const watched = work.finally(() => (isDone = true));
    watched.catch(() => undefined);
    for (;;) {
      // All that was woken up goes as far as it can.
      await new Promise((resolve) => void setImmediate(resolve));
      if (isDone) return watched;
      const next = [...this.#due].sort((a, b) => a.atMs - b.atMs || a.serial - b.serial)[0];
      if (next === undefined) throw new Error('everybody waits for ever');
      this.#due.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
  }
}
