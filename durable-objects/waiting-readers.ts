/** Calls that wait for something to change. They vanish with the object's memory, and then ask again. */
export class WaitingReaders<Key> {
  readonly #waiting = new Map<Key, Set<() => void>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Resolves when the key is woken, or after `waitMs`. */
  async changed(key: Key, waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const readers = this.#waiting.get(key) ?? new Set();
      const done = (): void => {
        clearTimeout(timer);
        readers.delete(done);
        if (readers.size === 0) this.#waiting.delete(key);
        this.#count -= 1;
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#waiting.set(key, readers.add(done));
      this.#count += 1;
    });
  }

  wake(key: Key): void {
    for (const done of this.#waiting.get(key) ?? []) done();
  }

  wakeAll(): void {
    for (const key of this.#waiting.keys()) this.wake(key);
  }
}
