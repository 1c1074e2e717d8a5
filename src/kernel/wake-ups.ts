import type { Timer } from './timer.ts';

/** How calls that share work wait for each other, and what keeps the work running, where they run. See `SharedWork`. */
export interface WakeUps {
  /** Resolves when the flight may be over, the latest after `leftMs`. Answers how long it waited; 0 where that is not counted. */
  wait(flight: object, tries: number, leftMs: number): Promise<number>;
  /** The flight is over. */
  over(flight: object): void;
  /** Whether a waiter may have the very error that the leader threw: it may hold on to I/O of its own. */
  readonly sharesErrors: boolean;
  /** Keeps the work of a leader running when the call that began it is gone. It never rejects. */
  keepAlive(work: Promise<unknown>): void;
}

export interface WakeTimes {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Each wait is so much longer than the one before: a waiter learns of the end a third of its time late at most. */
const GROWTH = 1.5;

/**
 * For requests of a Worker. Each has an I/O context of its own, and workerd lets none continue in another's: so a waiter checks again after
 * a timer of its own (SW2), and no other request wakes it.
 */
export class TimedWakeUps implements WakeUps {
  readonly sharesErrors = false;
  readonly #timer: Timer;
  readonly #times: WakeTimes;
  readonly keepAlive: (work: Promise<unknown>) => void;

  constructor(timer: Timer, times: WakeTimes, keepAlive: (work: Promise<unknown>) => void) {
    this.#timer = timer;
    this.#times = times;
    this.keepAlive = keepAlive;
  }

  async wait(_flight: object, tries: number, leftMs: number): Promise<number> {
    const { firstMs, lastMs } = this.#times;
    const delayMs = Math.max(firstMs, Math.min(lastMs, leftMs, firstMs * GROWTH ** tries));
    await new Promise<void>((resolve) => void this.#timer.after(delayMs, resolve));
    return delayMs;
  }

  over(): void {
    // Waiters look by themselves.
  }
}

/** For calls that share one I/O context, where a waiter may continue when the leader says so: those of a process or of a Durable Object. */
export class DirectWakeUps implements WakeUps {
  readonly sharesErrors = true;
  readonly #waiting = new WeakMap<object, (() => void)[]>();

  async wait(flight: object): Promise<number> {
    const waiting = this.#waiting.get(flight) ?? [];
    this.#waiting.set(flight, waiting);
    await new Promise<void>((resolve) => void waiting.push(resolve));
    return 0;
  }

  over(flight: object): void {
    for (const wake of this.#waiting.get(flight) ?? []) wake();
  }

  keepAlive(): void {
    // Nothing here ends work before its time.
  }
}
