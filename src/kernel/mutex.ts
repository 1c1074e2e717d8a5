/**
 * Lets asynchronous work through one at a time, in order of arrival. Work that fails does not hold up the next.
 * For Durable Objects, all calls of which have one I/O context: requests of a Worker must not wait for each other so (SW1).
 */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  pass<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/**
 * Lets work on different keys run side by side and work on a common key one at a time, in order of arrival.
 * For Durable Objects, all calls of which have one I/O context: requests of a Worker must not wait for each other so (SW1).
 */
export class KeyLocks {
  readonly #last = new Map<string, Promise<unknown>>();
  #lastOnAll: Promise<unknown> = Promise.resolve();

  hold<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const done = Promise.all([this.#lastOnAll, ...keys.map((key) => this.#last.get(key))]).then(work);
    const settled = done.catch(() => undefined);
    for (const key of keys) this.#last.set(key, settled);
    void this.#forgetAfter(settled, keys);
    return done;
  }

  async #forgetAfter(settled: Promise<unknown>, keys: readonly string[]): Promise<void> {
    await settled;
    for (const key of keys) if (this.#last.get(key) === settled) this.#last.delete(key);
  }

  holdAll<T>(work: () => Promise<T>): Promise<T> {
    const done = Promise.all([this.#lastOnAll, ...this.#last.values()]).then(work);
    this.#lastOnAll = done.catch(() => undefined);
    return done;
  }
}
