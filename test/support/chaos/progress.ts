import { setTimeout as sleep } from 'node:timers/promises';

/** Counts something that happens, so that what follows is placed by how much has happened and not by how much time has passed. */
export class Progress {
  #count = 0;
  readonly #waits = new Set<{ readonly until: number; readonly resolve: () => void }>();

  happened(): void {
    this.#count += 1;
    for (const wait of this.#waits) {
      if (wait.until > this.#count) continue;
      this.#waits.delete(wait);
      wait.resolve();
    }
  }

  /** Resolves once it has happened `count` more times, or when it has not happened for `idleMs`. */
  async further(count: number, idleMs: number): Promise<void> {
    const until = this.#count + count;
    for (let seen = -1; this.#count < until && seen !== this.#count;) {
      seen = this.#count;
      await this.#next(until, idleMs);
    }
  }

  /** Resolves when the count is reached, or after `idleMs`. */
  async #next(until: number, idleMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wait = { until, resolve };
    this.#waits.add(wait);
    const reached = new AbortController();
    await Promise.race([promise, sleep(idleMs, undefined, { signal: reached.signal })]);
    reached.abort();
    this.#waits.delete(wait);
  }
}
