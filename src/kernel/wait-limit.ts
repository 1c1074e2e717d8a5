import type { Clock } from './clock.ts';
import type { Timer } from './timer.ts';

interface Wait {
  readonly dueAtMs: number;
  readonly late: () => void;
}

/**
 * The time that each of many waits has, one after the other, by one timer: it is set anew when it fires or when a wait ends before it, not for each
 * wait. In Workers, a timer costs as much as passing on a small piece of a stream.
 */
export class WaitLimit {
  readonly #timer: Timer;
  readonly #clock: Clock;
  #wait: Wait | undefined;
  #whole: Wait | undefined;
  #armed: { readonly atMs: number; readonly callOff: () => void } | undefined;

  constructor(timer: Timer, clock: Clock) {
    this.#timer = timer;
    this.#clock = clock;
  }

  /** Calls `late` once `limitMs` have passed, unless the wait is over by then. The wait before it is over. */
  begin(limitMs: number, late: () => void): void {
    const nowMs = this.#clock.nowMs();
    const dueAtMs = nowMs + limitMs;
    this.#wait = this.#whole !== undefined && this.#whole.dueAtMs <= dueAtMs ? this.#whole : { dueAtMs, late };
    this.#armFor(this.#wait, nowMs);
  }

  /** Calls `late` once `limitMs` have passed, whether or not a wait is under way then. Call it before the first wait, which arms the timer. */
  limitAll(limitMs: number, late: () => void): void {
    this.#whole = { dueAtMs: this.#clock.nowMs() + limitMs, late };
  }

  over(): void {
    this.#wait = this.#whole;
  }

  /** Stops the timer: no further wait will be started. */
  release(): void {
    [this.#wait, this.#whole] = [undefined, undefined];
    this.#armed?.callOff();
    this.#armed = undefined;
  }

  #armFor({ dueAtMs }: Wait, nowMs: number): void {
    if (this.#armed !== undefined && this.#armed.atMs <= dueAtMs) return;
    this.#armed?.callOff();
    this.#arm(dueAtMs - nowMs, nowMs);
  }

  #arm(delayMs: number, nowMs: number): void {
    this.#armed = { atMs: nowMs + delayMs, callOff: this.#timer.after(delayMs, () => this.#fired()) };
  }

  #fired(): void {
    this.#armed = undefined;
    const wait = this.#wait;
    if (wait === undefined) return;
    const nowMs = this.#clock.nowMs();
    if (nowMs < wait.dueAtMs) return this.#arm(wait.dueAtMs - nowMs, nowMs);
    if (wait === this.#whole) this.#whole = undefined;
    this.over();
    if (this.#wait !== undefined) this.#armFor(this.#wait, nowMs);
    wait.late();
  }
}
