import type { Outcome } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import type { Absence } from './absence.ts';
import { ABSENCES } from './absence.ts';
import type { HedgeBudget } from './hedge-budget.ts';
import type { LatencyWindow } from './latency-window.ts';

/** One of the shards that are asked. */
export interface Leaf<T> {
  readonly shard: number;
  readonly ask: () => Promise<Outcome<T>>;
  /** Asks another object that can answer as well. */
  readonly askSpare?: (() => Promise<Outcome<T>>) | undefined;
}

export interface LeafAnswer<T> {
  readonly shard: number;
  readonly value: T;
  /** Whether the spare answered. */
  readonly fromSpare: boolean;
}

/** What happened to calls so far. */
export interface CallCounts {
  calls: number;
  /** Made again because the first was slow, and how many of them were the faster ones. */
  hedges: number;
  hedgesWon: number;
  /** Made again because the first failed. */
  failovers: number;
}

export interface CallParts {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly latencies: LatencyWindow;
  readonly budget: HedgeBudget;
  readonly counts: CallCounts;
}

/** A call to one shard, and to its spare when the first is slow or fails: whichever answers first counts. */
export class LeafCall<T> {
  readonly #leaf: Leaf<T>;
  readonly #parts: CallParts;
  readonly #conclude: (outcome: Outcome<LeafAnswer<T> | Absence>) => void;
  readonly #fail: (defect: unknown) => void;
  #underWay = 0;
  #isSpareAsked = false;
  #isOver = false;
  #callOff = (): void => {};

  constructor(
    leaf: Leaf<T>,
    parts: CallParts,
    conclude: (outcome: Outcome<LeafAnswer<T> | Absence>) => void,
    fail: (defect: unknown) => void,
  ) {
    this.#leaf = leaf;
    this.#parts = parts;
    this.#conclude = conclude;
    this.#fail = fail;
  }

  /** `lateMs`: after which a call counts as late; undefined when it never does. */
  start(lateMs: number | undefined): void {
    this.#parts.budget.earn();
    void this.#ask(this.#leaf.ask, false);
    if (lateMs === undefined || this.#leaf.askSpare === undefined) return;
    this.#callOff = this.#parts.timer.after(lateMs, () => {
      if (!this.#isSpareAsked && this.#parts.budget.take()) this.#askSpare('hedges');
    });
  }

  /** No caller waits for it any more. */
  stop(): void {
    this.#isOver = true;
    this.#callOff();
  }

  #askSpare(why: 'hedges' | 'failovers'): void {
    const { askSpare } = this.#leaf;
    if (askSpare === undefined) return;
    this.#isSpareAsked = true;
    this.#parts.counts[why] += 1;
    void this.#ask(askSpare, true);
  }

  async #ask(ask: () => Promise<Outcome<T>>, fromSpare: boolean): Promise<void> {
    const { clock, latencies, counts } = this.#parts;
    const startedMs = clock.nowMs();
    this.#underWay += 1;
    counts.calls += 1;
    try {
      const outcome = await ask();
      if (outcome.ok) latencies.record(clock.nowMs() - startedMs, clock.nowMs());
      this.#hear(outcome, fromSpare);
    } catch (defect) {
      this.stop();
      this.#fail(defect);
    }
  }

  #hear(outcome: Outcome<T>, fromSpare: boolean): void {
    this.#underWay -= 1;
    if (this.#isOver) return;
    if (outcome.ok) {
      if (fromSpare && this.#underWay > 0) this.#parts.counts.hedgesWon += 1;
      this.#settle(ok({ shard: this.#leaf.shard, value: outcome.value, fromSpare }));
      return;
    }
    const absence = ABSENCES.get(outcome.error.code);
    if (absence === undefined) this.#settle(outcome);
    else if (absence === 'late') this.#settle(ok(absence));
    // It replaces the call that failed, so it adds no load.
    else if (!this.#isSpareAsked && this.#leaf.askSpare !== undefined) this.#askSpare('failovers');
    else if (this.#underWay === 0) this.#settle(ok(absence));
  }

  #settle(outcome: Outcome<LeafAnswer<T> | Absence>): void {
    this.stop();
    this.#conclude(outcome);
  }
}
