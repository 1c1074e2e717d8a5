import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { overloaded } from './overloaded.ts';
import { WaitingReads } from './waiting-reads.ts';

interface ReadQueueParts {
  readonly clock: Clock;
  /** Resolves when the calls have been served that were delivered until now. */
  readonly turn: () => Promise<void>;
}

/** What a read does: at once, or it waits for others by itself. */
type Work<T> = () => Outcome<T> | Promise<Outcome<T>>;

interface Waiting {
  readonly run: () => void;
  readonly refuse: (waitMs: number) => void;
}

/** A read that takes many times as long as they do is a poor predictor of the next. */
const OUTLIER_TIMES = 4;
const READ_WEIGHT = 1 / 8;
const READ_MIN_MS = 0.05;

/**
 * The deadline-ordered read queue of an object. Calls are served as they are delivered; but a read that arrives while another is served
 * waits, so that everything delivered in between is served before it: writes, pages for followers, calls of the index. A read that cannot
 * be answered before its caller's deadline is refused at once. Where no read waits, a read is served at once, whatever its deadline.
 */
export class ReadQueue {
  readonly #parts: ReadQueueParts;
  readonly #waiting = new WaitingReads<Waiting>();
  #readMs = 1;
  #isBusy = false;

  constructor(parts: ReadQueueParts) {
    this.#parts = parts;
  }

  /** `budgetMs`: how long its caller waits from now on. */
  async read<T>(budgetMs: number = LIMITS.queryDeadlineMaxMs, work: Work<T>): Promise<Outcome<T>> {
    if (this.#isBusy) return this.#wait(budgetMs, work);
    this.#isBusy = true;
    const startedMs = this.#parts.clock.nowMs();
    const answer = begun(work);
    void this.#takeTurns(startedMs);
    return answer;
  }

  #wait<T>(budgetMs: number, work: Work<T>): Promise<Outcome<T>> {
    const { nowMs } = this.#rate;
    return new Promise((resolve) => {
      const waiting = {
        run: () => resolve(begun(work)),
        refuse: (waitMs: number) => resolve(overloaded(waitMs)),
      };
      this.#refuse(this.#waiting.add(waiting, nowMs + budgetMs, this.#rate));
    });
  }

  async #takeTurns(begunMs: number): Promise<void> {
    for (let [startedMs, done] = [begunMs, 1]; done > 0;) {
      await this.#parts.turn();
      const nowMs = this.#parts.clock.nowMs();
      this.#learn((nowMs - startedMs) / done);
      const { now, late } = this.#waiting.take(Math.floor(LIMITS.readTurnMs / this.#readMs), this.#rate);
      this.#refuse(late);
      for (const { run } of now) run();
      [startedMs, done] = [nowMs, now.length];
    }
    this.#isBusy = false;
  }

  #refuse(late: readonly Waiting[]): void {
    const { readMs } = this.#rate;
    for (const { refuse } of late) refuse(this.#waiting.count * readMs);
  }

  #learn(tookMs: number): void {
    const sampleMs = Math.min(tookMs, OUTLIER_TIMES * this.#readMs);
    this.#readMs = Math.max(READ_MIN_MS, this.#readMs + (sampleMs - this.#readMs) * READ_WEIGHT);
  }

  get #rate() {
    return { nowMs: this.#parts.clock.nowMs(), readMs: this.#readMs };
  }
}

const begun = async <T>(work: Work<T>): Promise<Outcome<T>> => work();
