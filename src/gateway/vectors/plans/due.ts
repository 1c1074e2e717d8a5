import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { Timer } from '../../../kernel/timer.ts';
import { inTime } from '../../../kernel/timer.ts';

/** Until when a part of a plan may take. [TX280] */
export class Due {
  readonly #clock: Clock;
  readonly #timer: Timer;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;

  constructor(clock: Clock, timer: Timer, atMs: number) {
    this.#clock = clock;
    this.#timer = timer;
    this.atMs = atMs;
  }

  get leftMs(): number {
    return this.atMs - this.#clock.nowMs();
  }

  /** What is due so much earlier. */
  before(ms: number): Due {
    return new Due(this.#clock, this.#timer, this.atMs - ms);
  }

  /** What `work` comes to in time; it is not begun where none is left. Refuses with `deadline_exceeded`, saying what was late. */
  async within<T>(what: string, work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const { leftMs } = this;
    const done = leftMs <= 0 ? undefined : await inTime(work(), leftMs, this.#timer);
    return done ?? refuse('deadline_exceeded', `${what} did not come before the deadline of the search`);
  }
}

export const isLate = (outcome: Outcome<unknown>): boolean => !outcome.ok && outcome.error.code === 'deadline_exceeded';
