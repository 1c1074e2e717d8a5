import { dropOldest } from './drop-oldest.ts';
import { SECOND_MS } from './time-units.ts';

export interface EntryPaceLimits {
  /** The lag at which a thread has enough to do. */
  readonly lagMs: number;
  /** Of one owner, so many enter at once. */
  readonly burstMaxCount: number;
  /** Calls that enter in a second until it is known how many can. */
  readonly perSFirst: number;
  /** The rate is no lower, however late timers are: something else may keep the thread. */
  readonly perSMin: number;
  /** While fewer are under way, a call enters at once: those are too few to keep a thread busy, whatever its timers say. */
  readonly underWayMin: number;
  /** A call that is not over for so long waits for something else, or was lost with its request. */
  readonly underWayMaxMs: number;
  readonly waitMaxMs: number;
  readonly ownersMaxCount: number;
}

/**
 * `enter`: now; `isMeasured`: it waits for a timer of no time first, whose lag it reports. `wait`: until then. `refused`: it would come too late;
 * `waitMs`: how long it would have waited.
 */
export type EntryStep =
  | { readonly kind: 'enter'; readonly isMeasured: boolean }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'refused'; readonly waitMs: number };

interface Lane {
  /** When the owner's next call enters if all enter in time. */
  nextMs: number;
  waiting: number;
}

/** The lag is measured by some call once in such a time. */
const MEASURE_MS = 50;
/** The rate is adjusted once in such a time, by what was measured in it. */
const ADJUST_MS = 250;
const FASTER = 1.2;
/** Of what a thread serves that is behind: it catches up by the rest. */
const CATCH_UP_SHARE = 0.95;
/** Before it has served much, as while a crowd arrives, what it served says little: the rate falls no faster. */
const SLOWER_MOST = 0.7;
/** What is not made use of is not known to be possible: the rate is no higher than so many times that at which calls are served. */
const HEADROOM_TIMES = 2;

/**
 * When calls enter an isolate whose thread has more to do than it can: at the rate that keeps its lag short, each owner at an equal share of
 * that rate, so that one owner's many calls wait for each other and not before another's few. [OL6] [OL7]
 *
 * The lag of the thread, how much later than asked for a timer fires, is the sign of work waiting, as for Envoy's overload manager; calls under
 * way are not, as most wait for something that is not here. While the thread is behind, the rate is a little below what it served; while the lag
 * is short, the rate grows (the delivery rate and the probing of BBR, Cardwell et al. 2016). A call knows when it comes at what time it will
 * enter: it sleeps once, and nothing wakes it (DESIGN rule 11). Without this, each stage of a call waits for that stage of all others, and all
 * are late together.
 */
export class EntryPace {
  readonly #limits: EntryPaceLimits;
  // In the order of their last call: the first came longest ago.
  readonly #lanes = new Map<string, Lane>();
  /** When each call under way began, the oldest first. */
  readonly #underWay = new Map<object, number>();
  #perS: number;
  #lag = { sumMs: 0, count: 0 };
  #served = 0;
  #adjustedMs = -Infinity;
  #measuredMs = -Infinity;

  constructor(limits: EntryPaceLimits) {
    this.#limits = limits;
    this.#perS = limits.perSFirst;
  }

  /** Calls that were told to wait and have not entered. */
  get waiting(): number {
    let waiting = 0;
    for (const lane of this.#lanes.values()) waiting += lane.waiting;
    return waiting;
  }

  /** A call that has come, whose caller waits for `leftMs`. */
  come(owner: string, leftMs: number, nowMs: number): EntryStep {
    this.#adjust(nowMs);
    const lane = this.#laneOf(owner, nowMs);
    const gapMs = (this.#rivals(nowMs, lane) * SECOND_MS) / this.#perS;
    // Those that wait were given their times at the rates of then.
    const queuedMs = Math.min(lane.nextMs, nowMs + (lane.waiting + 1) * gapMs);
    const entersMs = Math.max(queuedMs, nowMs - this.#limits.burstMaxCount * gapMs);
    const waitMs = this.#isIdle(nowMs) ? 0 : entersMs - nowMs;
    if (waitMs > 0 && waitMs > Math.min(this.#limits.waitMaxMs, leftMs - 2 * this.#limits.lagMs)) return { kind: 'refused', waitMs };
    lane.nextMs = entersMs + gapMs;
    if (waitMs > 0) {
      lane.waiting += 1;
      return { kind: 'wait', untilMs: entersMs };
    }
    const isMeasured = Math.abs(nowMs - this.#measuredMs) >= MEASURE_MS;
    if (isMeasured) this.#measuredMs = nowMs;
    return { kind: 'enter', isMeasured };
  }

  /** A call that waited enters now. */
  entered(owner: string): void {
    const lane = this.#lanes.get(owner);
    if (lane !== undefined) lane.waiting = Math.max(0, lane.waiting - 1);
  }

  /** A call is under way until what this returns is called; then it was served, or refused. */
  begin(nowMs: number): (isServed: boolean) => void {
    const call = {};
    this.#underWay.set(call, nowMs);
    return (isServed) => {
      this.#underWay.delete(call);
      if (isServed) this.#served += 1;
    };
  }

  /** A call's timer fired so much later than it was set to. */
  lagged(lagMs: number, nowMs: number): void {
    this.#lag = { sumMs: this.#lag.sumMs + Math.max(0, lagMs), count: this.#lag.count + 1 };
    this.#measuredMs = nowMs;
    this.#adjust(nowMs);
  }

  #adjust(nowMs: number): void {
    const { sumMs, count } = this.#lag;
    const sinceMs = Math.abs(nowMs - this.#adjustedMs);
    if (count === 0 || sinceMs < ADJUST_MS) return;
    const lagMs = sumMs / count;
    const { perSFirst, perSMin, lagMs: enoughMs } = this.#limits;
    const servedPerS = (this.#served * SECOND_MS) / Math.max(ADJUST_MS, Math.min(sinceMs, nowMs));
    if (lagMs > enoughMs) this.#perS = Math.max(perSMin, SLOWER_MOST * this.#perS, Math.min(this.#perS, CATCH_UP_SHARE * servedPerS));
    else this.#perS = Math.min(FASTER * this.#perS, Math.max(perSFirst, HEADROOM_TIMES * servedPerS));
    this.#lag = { sumMs: 0, count: 0 };
    this.#served = 0;
    this.#adjustedMs = nowMs;
  }

  #isIdle(nowMs: number): boolean {
    const { underWayMin, underWayMaxMs } = this.#limits;
    for (const [call, beganMs] of this.#underWay) {
      if (this.#underWay.size < underWayMin || Math.abs(nowMs - beganMs) < underWayMaxMs) break;
      this.#underWay.delete(call);
    }
    return this.#underWay.size < underWayMin;
  }

  #laneOf(owner: string, nowMs: number): Lane {
    const lane = this.#lanes.get(owner) ?? { nextMs: -Infinity, waiting: 0 };
    this.#lanes.delete(owner);
    for (const [other, { nextMs }] of this.#lanes) {
      // One that was idle for so long has its whole burst again, at any rate that matters.
      if (nextMs > nowMs - SECOND_MS) break;
      this.#lanes.delete(other);
    }
    this.#lanes.set(owner, lane);
    dropOldest(this.#lanes, this.#limits.ownersMaxCount);
    return lane;
  }

  /** How many owners share the rate: those whose calls wait, and this one. */
  #rivals(nowMs: number, own: Lane): number {
    let waiting = 1;
    for (const lane of this.#lanes.values()) if (lane !== own && lane.nextMs > nowMs) waiting += 1;
    return waiting;
  }
}
