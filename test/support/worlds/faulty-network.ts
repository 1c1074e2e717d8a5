import { setImmediate } from 'node:timers/promises';

import type { Seeded } from '../../../src/kernel/seeded.ts';

/** A receiver of messages; while it stalls, none is delivered. */
export interface Party {
  stalledUntilMs: number;
  /** Called when a message is delivered. */
  hear(): void;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time, and messages that are delayed, lost or repeated. The same seed gives the same history. */
export class FaultyNetwork {
  nowMs = 1_000_000;
  /** Rises with every event, so it orders events of the same time. */
  instant = 0;
  readonly #seeded: Seeded;
  readonly #due: Due[] = [];
  #order = 0;

  constructor(seeded: Seeded) {
    this.#seeded = seeded;
  }

  chance(probability: number): boolean {
    return this.#seeded.next() < probability;
  }

  between(min: number, max: number): number {
    return Math.floor(min + this.#seeded.next() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!;
  }

  after(ms: number, run: () => void): void {
    const due = { atMs: this.nowMs + ms, order: (this.#order += 1), run };
    let at = this.#due.length;
    while (at > 0 && this.#due[at - 1]!.atMs > due.atMs) at -= 1;
    this.#due.splice(at, 0, due);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs until no event is left. */
  async run(): Promise<void> {
    for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) {
      this.nowMs = next.atMs;
      this.instant += 1;
      next.run();
      // Code that awaited this event continues before the next one.
      await setImmediate();
    }
  }

  /** Calls `serve` once or twice and returns its first answer to `from`, unless a message is lost or the call takes too long. */
  call<T>(from: Party, timeoutMs: number, serve: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const attempt = async (): Promise<void> => {
        try {
          const answer = await serve();
          if (!this.chance(0.03)) this.#reach(from, this.#delayMs(), () => resolve(answer));
        } catch (cause) {
          this.#reach(from, this.#delayMs(), () => reject(cause));
        }
      };
      if (!this.chance(0.03)) this.after(this.#delayMs(), () => void attempt());
      if (this.chance(0.05)) this.after(this.#delayMs() + this.between(0, 3000), () => void attempt());
      this.after(timeoutMs, () => this.#reach(from, 0, () => reject(new Error('no answer'))));
    });
  }

  #delayMs(): number {
    return this.chance(0.1) ? this.between(100, 1500) : this.between(1, 20);
  }

  #reach(party: Party, delayMs: number, run: () => void): void {
    this.after(delayMs, () => {
      if (party.stalledUntilMs > this.nowMs) return this.#reach(party, party.stalledUntilMs - this.nowMs, run);
      party.hear();
      run();
    });
  }
}
