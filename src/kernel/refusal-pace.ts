import { dropOldest } from './drop-oldest.ts';
import { SECOND_MS } from './time-units.ts';

export interface RefusalPaceLimits {
  /** Refusals that are answered for each call that is served. */
  readonly perServed: number;
  /** So many are answered in a second where nothing is served. */
  readonly perSMin: number;
  /** Of one owner, so many are answered at once. */
  readonly burstMaxCount: number;
  /** A refusal is held no longer. */
  readonly holdMaxMs: number;
  /** So many are held; more are answered at once. */
  readonly heldMaxCount: number;
  /** No caller is asked to come back later than this, unless what refused said so. */
  readonly returnMaxMs: number;
  readonly ownersMaxCount: number;
}

/** How long a refusal is held before it is answered, and after how long from then its caller is asked to come back. */
export interface PacedRefusal {
  readonly holdMs: number;
  readonly retryAfterMs: number | undefined;
}

interface Lane {
  /** How many refusals the isolate may have answered in all when those of the owner are. */
  at: number;
}

/** The rate at which refusals may be answered is that of the last such time. */
const RATE_MS = 250;
/** Callers that are refused together come back over so much of the pause that they are asked for. */
const SPREAD_SHARE = 1 / 4;
/** Those that are held for as long as it may be, by their number, are answered over so much of that time. */
const HOLD_SPREAD_SHARE = 3 / 4;

/**
 * What refusing may cost, whatever is refused: each owner's refusals are answered at once up to a burst, and beyond that as calls are served,
 * so that refusals take a small share of the time that answers take, however fast the machine is. [OL3]
 *
 * A caller that retries at once costs a whole request each time; one whose refusal is held costs a timer, and cannot come again meanwhile.
 * Owners that are refused at the same time have equal shares: the virtual scheduling of a leaky bucket (the generic cell rate algorithm,
 * ITU-T I.371), one an owner, whose time is the number of refusals that were allowed so far. Callers are asked to come back after the pause
 * that what refused named, later the more were refused before them, and spread by chance, so that those refused together do not return
 * together. [OL4]
 */
export class RefusalPace {
  readonly #limits: RefusalPaceLimits;
  readonly #random: () => number;
  // In the order of their last refusal: the first was refused longest ago.
  readonly #lanes = new Map<string, Lane>();
  /** Refusals that are held, by the second in which they are answered. */
  readonly #heldUntilS = new Map<number, number>();
  /** How many refusals were allowed until `#asOfMs`, and in a second lately. */
  #allowed = 0;
  #asOfMs: number | undefined;
  #perS: number;
  #sample = { atMs: 0, allowed: 0 };

  /** `random`: uniform in [0, 1). */
  constructor(limits: RefusalPaceLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
    this.#perS = limits.perSMin;
  }

  /** A call was served. */
  served(): void {
    this.#allowed += this.#limits.perServed;
  }

  /** The pace of one more refusal to `owner`. `retryAfterMs`: the pause that what refused named. */
  next(owner: string, retryAfterMs: number | undefined, nowMs: number): PacedRefusal {
    this.#pass(nowMs);
    const { burstMaxCount, holdMaxMs, heldMaxCount } = this.#limits;
    const lane = this.#laneOf(owner);
    // A lane lags behind what is allowed by no more than a burst, and runs ahead of it by no more than it is held for.
    const next = Math.max(lane.at, this.#allowed - burstMaxCount) + this.#gap;
    lane.at = Math.min(next, this.#allowed + (holdMaxMs * this.#perS) / SECOND_MS);
    const excessMs = (Math.max(0, next - this.#allowed) * SECOND_MS) / this.#perS;
    // Those that would be held too long are not all answered at the same moment.
    const heldMs = excessMs <= holdMaxMs ? excessMs : holdMaxMs * (1 - this.#random() * HOLD_SPREAD_SHARE);
    const holdMs = this.#held(nowMs) >= heldMaxCount ? 0 : heldMs;
    if (holdMs > 0) {
      const untilS = Math.floor((nowMs + holdMs) / SECOND_MS);
      this.#heldUntilS.set(untilS, (this.#heldUntilS.get(untilS) ?? 0) + 1);
    }
    return { holdMs, retryAfterMs: retryAfterMs === undefined ? undefined : this.#returnAfterMs(retryAfterMs, excessMs, holdMs) };
  }

  /** The pause that was named is over when the caller returns; spread over a quarter of it, or over the time that the excess takes. */
  #returnAfterMs(retryAfterMs: number, excessMs: number, holdMs: number): number {
    const spreadMs = Math.max(SPREAD_SHARE * retryAfterMs, excessMs);
    const latestMs = Math.max(retryAfterMs, Math.min(this.#limits.returnMaxMs, retryAfterMs + spreadMs));
    const afterMs = retryAfterMs + this.#random() * (latestMs - retryAfterMs);
    return Math.max(1, Math.ceil(afterMs - holdMs));
  }

  #pass(nowMs: number): void {
    const { perSMin } = this.#limits;
    // A clock that was set back allows nothing.
    this.#allowed += (Math.max(0, nowMs - (this.#asOfMs ?? nowMs)) * perSMin) / SECOND_MS;
    this.#asOfMs = nowMs;
    const sinceMs = nowMs - this.#sample.atMs;
    if (sinceMs >= 0 && sinceMs < RATE_MS) return;
    // Over a longer time without refusals, the rate of what was served meanwhile says nothing of now.
    if (sinceMs >= 0 && sinceMs <= 2 * RATE_MS)
      this.#perS = Math.max(perSMin, ((this.#allowed - this.#sample.allowed) * SECOND_MS) / sinceMs);
    this.#sample = { atMs: nowMs, allowed: this.#allowed };
  }

  #laneOf(owner: string): Lane {
    const lane = this.#lanes.get(owner) ?? { at: -Infinity };
    this.#lanes.delete(owner);
    for (const [other, { at }] of this.#lanes) {
      // One that has its whole burst again is as good as new.
      if (at > this.#allowed - this.#limits.burstMaxCount) break;
      this.#lanes.delete(other);
    }
    this.#lanes.set(owner, lane);
    dropOldest(this.#lanes, this.#limits.ownersMaxCount);
    return lane;
  }

  /** What lies between two refusals of one owner: the owners whose refusals are held share what is allowed. */
  get #gap(): number {
    let waiting = 0;
    for (const { at } of this.#lanes.values()) if (at > this.#allowed) waiting += 1;
    return Math.max(1, waiting);
  }

  #held(nowMs: number): number {
    let held = 0;
    for (const [untilS, count] of this.#heldUntilS) {
      if ((untilS + 1) * SECOND_MS <= nowMs) this.#heldUntilS.delete(untilS);
      else held += count;
    }
    return held;
  }
}
