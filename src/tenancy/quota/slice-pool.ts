import type { Amounts, CounterKey, Sum } from './amounts.ts';
import { add, combine, covers, isNothing, keysOf, minus, NOTHING, plus, subtract } from './amounts.ts';
import type { Ask, Granted, Tightest } from './decision.ts';
import type { Slice, WindowStarts } from './window.ts';
import { NEVER_STARTED } from './window.ts';

/** A slice should last about this long at the present rate. */
const SLICE_MS = 5_000;
/** A rate over less time than this means nothing. */
const RATE_SPAN_MIN_MS = 250;
/** So long after a grant the next one may be asked for ahead of time. */
const AHEAD_MIN_MS = 25;
/** Remainders of different windows that wait to be handed in; older ones stay spent. */
const SURPLUS_MAX_COUNT = 4;

/** The quota that one isolate holds for one path: granted, not yet used. Lost with the isolate, and then it stays spent. */
export class SlicePool {
  #units: Sum = {};
  #startsMs: WindowStarts = NEVER_STARTED;
  #window: Granted['window'] = 'minute';
  /** When the units were asked for, and the first moment at which they may no longer be used. */
  #creditedAtMs = 0;
  #validUntilMs = 0;
  #drawn: Sum = {};
  #surplus: Slice[] = [];
  #tightest: readonly Tightest[] = [];
  #tight: readonly CounterKey[] = [];
  #holds: readonly CounterKey[] = [];
  #notedAtMs = 0;

  /** Takes `need` out of the pool, or nothing. */
  draw(need: Amounts, nowMs: number): Slice | undefined {
    this.#expire(nowMs);
    if (!covers(this.#units, need)) return undefined;
    subtract(this.#units, need);
    add(this.#drawn, need);
    return { units: need, startsMs: this.#startsMs };
  }

  /** Whether less is left of what was drawn just now than was drawn since the last grant, so that the next one is worth asking for. */
  isLow(need: Amounts, nowMs: number): boolean {
    // A caller that comes once asks for nothing ahead, nor is a grant asked for again at once that is small because the limit is near.
    if (nowMs - this.#creditedAtMs < AHEAD_MIN_MS) return false;
    for (const key of keysOf(need)) if ((this.#units[key] ?? 0) < (this.#drawn[key] ?? 0)) return true;
    return false;
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
  credit({ slice, lifeMs, window, tightest, tight, holds }: Granted, sentAtMs: number): void {
    this.#window = window;
    if (!this.#isOpen(slice)) this.#retire();
    this.#startsMs = isNothing(this.#units) ? slice.startsMs : older(slice.startsMs, this.#startsMs);
    add(this.#units, slice.units);
    this.#creditedAtMs = sentAtMs;
    this.#validUntilMs = sentAtMs + lifeMs;
    this.#drawn = {};
    this.#tight = tight;
    this.#holds = holds;
    this.note(tightest, sentAtMs);
  }

  /** Remembers the limits as of a decision that was asked for at `sentAtMs`. */
  note(tightest: readonly Tightest[], sentAtMs: number): void {
    this.#tightest = tightest;
    this.#notedAtMs = sentAtMs;
  }

  /** Puts back what was drawn and not used. */
  refund(slice: Slice): void {
    if (isNothing(slice.units)) return;
    if (!this.#isOpen(slice)) return this.#addSurplus(slice);
    add(this.#units, slice.units);
    this.#startsMs = older(slice.startsMs, this.#startsMs);
  }

  get isEmpty(): boolean {
    return isNothing(this.#units) && this.#surplus.length === 0;
  }

  /** Everything that is not in use, to be handed in; the pool is empty afterwards. */
  drain(): readonly Slice[] {
    this.#retire();
    const surplus = this.#surplus;
    this.#surplus = [];
    return surplus;
  }

  /** What was drawn and not used, if it is scarce as of the last grant and so to be handed in at once; otherwise it is put back. */
  release(slice: Slice): Slice | undefined {
    const { units } = slice;
    if (!this.#tight.some((key) => (units[key] ?? 0) > 0)) {
      this.refund(slice);
      return undefined;
    }
    this.#tightest = this.#tightest.map((one) => ({ ...one, remaining: one.remaining + (units[one.resource] ?? 0) }));
    return slice;
  }

  /** Whether what is counted while it exists is limited, as of the last grant. */
  get holds(): readonly CounterKey[] {
    return this.#holds;
  }

  /** The tightest limits as this isolate last saw them, with what it holds itself counted as remaining. */
  tightest(nowMs: number): readonly Tightest[] {
    return this.#tightest.map(({ resource, limit, remaining, resetMs }) => ({
      resource,
      limit,
      remaining: Math.min(limit, remaining + (this.#units[resource] ?? 0)),
      resetMs: Math.max(0, this.#notedAtMs + resetMs - nowMs),
    }));
  }

  #expire(nowMs: number): void {
    if (nowMs >= this.#validUntilMs) this.#retire();
  }

  #retire(): void {
    if (!isNothing(this.#units)) this.#addSurplus({ units: this.#units, startsMs: this.#startsMs });
    this.#units = {};
  }

  #isOpen({ startsMs }: Slice): boolean {
    return startsMs[this.#window] === this.#startsMs[this.#window];
  }

  #addSurplus(slice: Slice): void {
    const same = this.#surplus.find(({ startsMs }) => startsMs.minute === slice.startsMs.minute);
    const startsMs = same === undefined ? slice.startsMs : older(same.startsMs, slice.startsMs);
    const merged = { units: plus(same?.units ?? NOTHING, slice.units), startsMs };
    this.#surplus = [...this.#surplus.filter((other) => other !== same), merged].slice(-SURPLUS_MAX_COUNT);
  }
}

/** The earlier of two within one minute: units that count as granted earlier than they were return to fewer windows, never to more. */
const older = (a: WindowStarts, b: WindowStarts): WindowStarts => (a.second <= b.second ? a : b);
