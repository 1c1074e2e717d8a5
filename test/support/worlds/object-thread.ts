import type { VirtualTime } from './virtual-time.ts';

/** The thread of an object in virtual time: what is delivered to it is done one after the other, and takes what it says. */
export class ObjectThread {
  readonly #time: VirtualTime;
  readonly #delivered: (() => void)[] = [];
  #isRunning = false;
  #usedMs = 0;
  #ends: (() => void)[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** What an event answers, once the one has ended in which it does. */
  deliver<T>(event: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.#push(() => void event().then(resolve, reject)));
  }

  /** Takes time of the event that runs now; resolves at its end. */
  use(ms: number): Promise<void> {
    this.#usedMs += ms;
    return new Promise((resolve) => void this.#ends.push(resolve));
  }

  /** An event behind those that have been delivered by the end of the one that runs now. */
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
      // All that it wakes up belongs to it.
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
