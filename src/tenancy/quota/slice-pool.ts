import type { Ask, Granted, Minute } from './account.ts';
import type { Amounts } from './amounts.ts';
import { combine, covers, isNothing, minus, NOTHING, plus } from './amounts.ts';
import type { Slice } from './slice.ts';
import type { WindowStarts } from './window.ts';

/** A slice should last about this long at the present rate. */
const SLICE_MS = 1_000;
/** A rate over less time than this says nothing. */
const RATE_SPAN_MIN_MS = 50;
/** Remainders of different minutes that wait to be handed in; older ones stay spent. */
const SURPLUS_MAX_COUNT = 4;

/** The quota that one isolate holds for one tenant: granted, not yet used. Lost with the isolate, and then it stays spent. */
export class SlicePool {
  #units: Amounts = NOTHING;
  #startsMs: WindowStarts = { minute: 0, day: 0, month: 0 };
  /** When the units were asked for, and the first moment at which they may no longer be used. */
  #creditedAtMs = 0;
  #validUntilMs = 0;
  #drawn: Amounts = NOTHING;
  #surplus: Slice[] = [];
  #minute: (Minute & { readonly endsMs: number }) | undefined;

  /** Takes `need` out of the pool, or nothing. */
  draw(need: Amounts, nowMs: number): Slice | undefined {
    this.#expire(nowMs);
    if (!covers(this.#units, need)) return undefined;
    this.#units = minus(this.#units, need);
    this.#drawn = plus(this.#drawn, need);
    return { units: need, startsMs: this.#startsMs };
  }

  /** What to ask for, so that `need` can be drawn and the `waiting` callers too. Hands in the remainders: ask once, send once. */
  ask(need: Amounts, waiting: Amounts, nowMs: number): Ask {
    this.#expire(nowMs);
    const returned = this.#surplus;
    this.#surplus = [];
    const missing = minus(need, this.#units);
    const spanMs = Math.max(RATE_SPAN_MIN_MS, nowMs - this.#creditedAtMs);
    const ahead = combine(this.#drawn, waiting, (drawn, queued) => Math.ceil((drawn * SLICE_MS) / spanMs) + queued);
    return { need: missing, draw: need, want: plus(missing, ahead), returned };
  }

  /** Adds a grant that was asked for at `sentAtMs`: it lives from then, so that it ends here no later than where it was granted. */
  credit(granted: Granted, sentAtMs: number): void {
    if (granted.slice.startsMs.minute !== this.#startsMs.minute) this.#retire();
    this.#units = plus(this.#units, granted.slice.units);
    this.#startsMs = granted.slice.startsMs;
    this.#creditedAtMs = sentAtMs;
    this.#validUntilMs = sentAtMs + granted.minute.lifeMs;
    this.#drawn = NOTHING;
    this.note(granted.minute, sentAtMs);
  }

  /** Remembers the state of the minute, as of a decision that was asked for at `sentAtMs`. */
  note(minute: Minute, sentAtMs: number): void {
    this.#minute = { ...minute, endsMs: sentAtMs + minute.lifeMs };
  }

  /** Puts back what was drawn and not used. */
  refund(slice: Slice): void {
    if (isNothing(slice.units)) return;
    if (slice.startsMs.minute === this.#startsMs.minute) this.#units = plus(this.#units, slice.units);
    else this.#addSurplus(slice);
  }

  /** Everything that is not in use, to be handed in; the pool is empty afterwards. */
  drain(): readonly Slice[] {
    this.#retire();
    const surplus = this.#surplus;
    this.#surplus = [];
    return surplus;
  }

  /** The minute as far as this isolate knows, with what it holds itself counted as remaining. */
  state(nowMs: number): Minute | undefined {
    if (this.#minute === undefined) return undefined;
    const { limits, remaining, endsMs } = this.#minute;
    return { limits, remaining: plus(remaining, this.#units), lifeMs: Math.max(0, endsMs - nowMs) };
  }

  #expire(nowMs: number): void {
    if (nowMs >= this.#validUntilMs) this.#retire();
  }

  #retire(): void {
    if (!isNothing(this.#units)) this.#addSurplus({ units: this.#units, startsMs: this.#startsMs });
    this.#units = NOTHING;
  }

  #addSurplus(slice: Slice): void {
    const same = this.#surplus.find((other) => other.startsMs.minute === slice.startsMs.minute);
    const merged = same === undefined ? slice : { ...slice, units: plus(same.units, slice.units) };
    this.#surplus = [...this.#surplus.filter((other) => other !== same), merged].slice(-SURPLUS_MAX_COUNT);
  }
}
