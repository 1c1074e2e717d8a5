import type { VirtualTime } from './virtual-time.ts';

/** An object's thread in virtual time: it handles events one after another, and each takes the time that it `use`s. */
export class ObjectThread {
  readonly #time: VirtualTime;
  readonly #delivered: (() => void)[] = [];
  #isRunning = false;
  #usedMs = 0;
  #ends: (() => void)[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Runs an event on the thread; resolves to its result when the event that computes it ends. */
  deliver<T>(event: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.#push(() => void event().then(resolve, reject)));
  }

  /** Adds to the duration of the current event; resolves at its end. */
  use(ms: number): Promise<void> {
    this.#usedMs += ms;
    return new Promise((resolve) => void this.#ends.push(resolve));
  }

  /** Resolves in a new event, after those delivered by the end of the current one. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isRunning) this.#ends.push(() => this.#push(resolve));
      else this.#push(resolve);
    });
  }

  #push(event: () => void): void {
    this.#delivered.push(event);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#delivered.shift(); next !== undefined; next = this.#delivered.shift()) {
      next();
      // Code that continues now belongs to this event.
      await this.#time.sleep(0);
      await this.#time.sleep(this.#usedMs);
      this.#usedMs = 0;
      const ends = this.#ends;
      this.#ends = [];
      for (const end of ends) end();
    }
    this.#isRunning = false;
  }
}
