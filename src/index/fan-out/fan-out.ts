import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import { overloaded } from '../../ann/read-queue.ts';
import { LatencyWindow } from './latency-window.ts';
import type { ErrorCode, Refusal } from '../../contract/api/errors.ts';

/** What the shards answered, in the order in which they were given. */
export interface Gathered<T> {
  readonly answers: readonly LeafAnswer<T>[];
  /** Shards that did not answer in time, or could not be reached. */
  readonly missing: readonly number[];
}

/** Calls made twice at most: of all calls, and at once. */
const HEDGES: { readonly share: number; readonly burst: number } = {
  share: VECTOR_LIMITS.hedgeShareMax,
  burst: VECTOR_LIMITS.hedgeBurstMaxCount,
};

type Heard<T> = ReadonlyMap<number, LeafAnswer<T> | Absent>;

/**
 * Asks many shards at once, until a deadline. A call that is so late that another one is likely to be quicker is made again to the spare,
 * as long as that stays a small share of all calls.
 */
export class FanOut {
  readonly #calls: CallParts;
  #partials = 0;

  constructor(clock: Clock, timer: Timer, { share, burst } = HEDGES) {
    const latencies = new LatencyWindow(VECTOR_LIMITS.latencyWindowMs, VECTOR_LIMITS.latencySamplesMinCount);
    const budget = new HedgeBudget(share, burst);
    this.#calls = { clock, timer, latencies, budget, counts: { calls: 0, hedges: 0, hedgesWon: 0, failovers: 0 } };
  }

  /** `partials`: answers without some shard. */
  get counts(): Readonly<CallCounts> & { readonly partials: number } {
    return { ...this.#calls.counts, partials: this.#partials };
  }

  /** Recent duration of the slow calls; undefined while there are too few measurements. */
  get slowMs(): number | undefined {
    return this.#calls.latencies.quantileMs(VECTOR_LIMITS.hedgeQuantile, this.#calls.clock.nowMs());
  }

  /** The age from which a call is so late that a second one may be quicker; undefined while there are too few measurements. */
  get lateMs(): number | undefined {
    return this.#calls.latencies.lateMs(VECTOR_LIMITS.hedgeQuantile, this.#calls.clock.nowMs());
  }

  /**
   * Answers once every shard has answered or failed, or at the deadline. Refuses as the first shard that refuses for another reason
   * than being out of reach; with `unavailable` when none can be reached, with `overloaded` when those that can have too much to do, with
   * `deadline_exceeded` when none answered in time.
   */
  async gather<T>(leaves: readonly Leaf<T>[], deadlineMs: number): Promise<Outcome<Gathered<T>>> {
    const heard = await this.#hear(leaves, deadlineMs);
    if (!heard.ok) return heard;
    const answers = leaves.flatMap(({ shard }) => {
      const answer = heard.value.get(shard);
      return answer === undefined || 'absence' in answer ? [] : [answer];
    });
    if (answers.length === 0 && leaves.length > 0) return noAnswer(leaves.map(({ shard }) => heard.value.get(shard)));
    const answered = new Set(answers.map(({ shard }) => shard));
    const missing = leaves.map(({ shard }) => shard).filter((shard) => !answered.has(shard));
    if (missing.length > 0) this.#partials += 1;
    return ok({ answers, missing });
  }

  /**
   * What the one shard of an index answers, however long it takes: no timer, and no shard to make the call to again. Refuses as `gather` does.
   */
  async only<T>(ask: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    this.#calls.counts.calls += 1;
    const outcome = await ask();
    const absent = outcome.ok ? undefined : absentBy(outcome.error);
    return absent === undefined ? outcome : noAnswer([absent]);
  }

  #hear<T>(leaves: readonly Leaf<T>[], deadlineMs: number): Promise<Outcome<Heard<T>>> {
    const { clock, timer } = this.#calls;
    const leftMs = Math.max(0, deadlineMs - clock.nowMs());
    const { lateMs } = this;
    const heard = new Map<number, LeafAnswer<T> | Absent>();
    return new Promise((resolve, reject) => {
      const calls: LeafCall<T>[] = [];
      const finish = (outcome: Outcome<Heard<T>>) => {
        callOff();
        for (const call of calls) call.stop();
        resolve(outcome);
      };
      const callOff = timer.after(leftMs, () => finish(ok(heard)));
      if (leaves.length === 0) return finish(ok(heard));
      for (const leaf of leaves) {
        const conclude = (outcome: Outcome<LeafAnswer<T> | Absent>) => {
          if (!outcome.ok) return finish(outcome);
          heard.set(leaf.shard, outcome.value);
          if (heard.size === leaves.length) finish(ok(heard));
        };
        calls.push(new LeafCall(leaf, this.#calls, conclude, reject));
      }
      for (const call of calls) call.start(lateMs);
    });
  }
}

function noAnswer(heard: readonly (LeafAnswer<unknown> | Absent | undefined)[]): Outcome<never> {
  const absents = heard.map((one) => (one !== undefined && 'absence' in one ? one : LATE));
  if (absents.every(({ absence }) => absence === 'unreachable')) return refuse('unavailable', 'no shard of the index can be reached');
  if (absents.some(({ absence }) => absence === 'late')) {
    return refuse('deadline_exceeded', 'no shard of the index answered before the deadline');
  }
  const refused = absents.filter(({ absence }) => absence === 'overloaded');
  return overloaded(Math.max(...refused.map(({ retryAfterMs = VECTOR_LIMITS.refusedReadMs }) => retryAfterMs)));
}

/** One of the shards that are asked. */
export interface Leaf<T> {
  readonly shard: number;
  readonly ask: () => Promise<Outcome<T>>;
  /** Asks another object that can answer as well. */
  readonly askSpare?: (() => Promise<Outcome<T>>) | undefined;
  /** One call with other searches: how long it takes says nothing about a call for one, so it is neither measured nor made again for that. */
  readonly isShared?: boolean;
}

interface LeafAnswer<T> {
  readonly shard: number;
  readonly value: T;
  /** Whether the spare answered. */
  readonly fromSpare: boolean;
}

/** What happened to calls so far. */
interface CallCounts {
  calls: number;
  /** Made again because the first was slow, and how many of them were the faster ones. */
  hedges: number;
  hedgesWon: number;
  /** Made again because the first failed. */
  failovers: number;
}

interface CallParts {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly latencies: LatencyWindow;
  readonly budget: HedgeBudget;
  readonly counts: CallCounts;
}

/** A call to one shard, and to its spare when the first is slow or fails: whichever answers first counts. */
class LeafCall<T> {
  readonly #leaf: Leaf<T>;
  readonly #parts: CallParts;
  readonly #conclude: (outcome: Outcome<LeafAnswer<T> | Absent>) => void;
  readonly #fail: (defect: unknown) => void;
  #underWay = 0;
  #isSpareAsked = false;
  #isOver = false;
  #callOff = (): void => {};

  constructor(
    leaf: Leaf<T>,
    parts: CallParts,
    conclude: (outcome: Outcome<LeafAnswer<T> | Absent>) => void,
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
    if (lateMs === undefined || this.#leaf.askSpare === undefined || this.#leaf.isShared === true) return;
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
      if (outcome.ok && this.#leaf.isShared !== true) latencies.record(clock.nowMs() - startedMs, clock.nowMs());
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
    const absent = absentBy(outcome.error);
    if (absent === undefined) this.#settle(outcome);
    else if (absent.absence === 'late') this.#settle(ok(absent));
    // It replaces the call that failed, so it adds no load.
    else if (!this.#isSpareAsked && this.#leaf.askSpare !== undefined) this.#askSpare('failovers');
    else if (this.#underWay === 0) this.#settle(ok(absent));
  }

  #settle(outcome: Outcome<LeafAnswer<T> | Absent>): void {
    this.stop();
    this.#conclude(outcome);
  }
}

/** How many calls may be made twice: a share of all, and a few at once. */
class HedgeBudget {
  readonly #share: number;
  readonly #burstMax: number;
  #tokens: number;

  constructor(share: number, burstMax: number) {
    this.#share = share;
    this.#burstMax = burstMax;
    this.#tokens = burstMax;
  }

  /** A call that is made anyway. */
  earn(): void {
    this.#tokens = Math.min(this.#burstMax, this.#tokens + this.#share);
  }

  /** Whether a second call may be made. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Why there is no answer: the shard cannot be reached, has too much to do, or had no time. */
type Absence = 'unreachable' | 'overloaded' | 'late';

interface Absent {
  readonly absence: Absence;
  /** When it may have an answer, where it says so. */
  readonly retryAfterMs?: number | undefined;
}

const LATE: Absent = { absence: 'late' };

function absentBy({ code, retryAfterMs }: Refusal): Absent | undefined {
  const absence = ABSENCES.get(code);
  return absence === undefined ? undefined : { absence, retryAfterMs };
}

/** Refusals that mean only that there is no answer. */
export const ABSENCES: ReadonlyMap<ErrorCode, Absence> = new Map([
  ['unavailable', 'unreachable'],
  ['overloaded', 'overloaded'],
  ['deadline_exceeded', 'late'],
]);
