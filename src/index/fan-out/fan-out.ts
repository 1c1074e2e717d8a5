import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import { overloaded } from '../../ann/read-queue.ts';
import type { Absence } from './absence.ts';
import { HedgeBudget } from './hedge-budget.ts';
import { LatencyWindow } from './latency-window.ts';
import type { CallCounts, CallParts, Leaf, LeafAnswer } from './leaf-call.ts';
import { LeafCall } from './leaf-call.ts';

/** What the shards answered, in the order in which they were given. */
export interface Gathered<T> {
  readonly answers: readonly LeafAnswer<T>[];
  /** Shards that did not answer in time, or could not be reached. */
  readonly missing: readonly number[];
}

/** Calls made twice at most: of all calls, and at once. */
const HEDGES: { readonly share: number; readonly burst: number } = { share: LIMITS.hedgeShareMax, burst: LIMITS.hedgeBurstMaxCount };

type Heard<T> = ReadonlyMap<number, LeafAnswer<T> | Absence>;

/**
 * Asks many shards at once, until a deadline. A call that is so late that another one is likely to be quicker is made again to the spare,
 * as long as that stays a small share of all calls.
 */
export class FanOut {
  readonly #calls: CallParts;
  #partials = 0;

  constructor(clock: Clock, timer: Timer, { share, burst } = HEDGES) {
    const latencies = new LatencyWindow(LIMITS.latencyWindowMs, LIMITS.latencySamplesMinCount);
    const budget = new HedgeBudget(share, burst);
    this.#calls = { clock, timer, latencies, budget, counts: { calls: 0, hedges: 0, hedgesWon: 0, failovers: 0 } };
  }

  /** `partials`: answers without some shard. */
  get counts(): Readonly<CallCounts> & { readonly partials: number } {
    return { ...this.#calls.counts, partials: this.#partials };
  }

  /** Recent duration of the slow calls; undefined while there are too few measurements. */
  get slowMs(): number | undefined {
    return this.#calls.latencies.quantileMs(LIMITS.hedgeQuantile, this.#calls.clock.nowMs());
  }

  /** The age from which a call is so late that a second one may be quicker; undefined while there are too few measurements. */
  get lateMs(): number | undefined {
    return this.#calls.latencies.lateMs(LIMITS.hedgeQuantile, this.#calls.clock.nowMs());
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
      return answer === undefined || typeof answer === 'string' ? [] : [answer];
    });
    if (answers.length === 0 && leaves.length > 0) return noAnswer(leaves.map(({ shard }) => heard.value.get(shard)));
    const answered = new Set(answers.map(({ shard }) => shard));
    const missing = leaves.map(({ shard }) => shard).filter((shard) => !answered.has(shard));
    if (missing.length > 0) this.#partials += 1;
    return ok({ answers, missing });
  }

  #hear<T>(leaves: readonly Leaf<T>[], deadlineMs: number): Promise<Outcome<Heard<T>>> {
    const { clock, timer } = this.#calls;
    const leftMs = Math.max(0, deadlineMs - clock.nowMs());
    const { lateMs } = this;
    const heard = new Map<number, LeafAnswer<T> | Absence>();
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
        const conclude = (outcome: Outcome<LeafAnswer<T> | Absence>) => {
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

function noAnswer(absences: readonly (LeafAnswer<unknown> | Absence | undefined)[]): Outcome<never> {
  if (absences.every((absence) => absence === 'unreachable')) return refuse('unavailable', 'no shard of the index can be reached');
  const isRefused = absences.every((absence) => absence === 'unreachable' || absence === 'overloaded');
  return isRefused ? overloaded(LIMITS.readWaitMaxMs) : refuse('deadline_exceeded', 'no shard of the index answered before the deadline');
}
