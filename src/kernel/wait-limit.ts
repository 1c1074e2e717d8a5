import type { Clock } from './clock.ts';
import type { Timer } from './timer.ts';

/**
 * The time that each of many waits has, one after the other, by one timer: it is set anew when it fires or when a wait ends before it, not for each
 * wait. In Workers, a timer costs as much as passing on a small piece of a stream.
 */
export class WaitLimit {
  readonly #timer: Timer;
  readonly #clock: Clock;
  #wait: { readonly dueAtMs: number; readonly late: () => void } | undefined;
  #armed: { readonly atMs: number; readonly callOff: () => void } | undefined;

  constructor(timer: Timer, clock: Clock) {
    this.#timer = timer;
    this.#clock = clock;
  }

  /** Calls `late` once `limitMs` have passed, unless the wait is over by then. The wait before it is over. */
  begin(limitMs: number, late: () => void): void {
    const nowMs = this.#clock.nowMs();
    this.#wait = { dueAtMs: nowMs + limitMs, late };
    if (this.#armed !== undefined && this.#armed.atMs <= this.#wait.dueAtMs) return;
    this.#armed?.callOff();
    this.#arm(limitMs, nowMs);
  }

  over(): void {
    this.#wait = undefined;
  }

  /** Stops the timer: no further wait will be started. */
  release(): void {
    this.over();
    this.#armed?.callOff();
    this.#armed = undefined;
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
    this.over();
    wait.late();
  }
}
