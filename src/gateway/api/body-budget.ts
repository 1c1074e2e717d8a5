import { API_LIMITS } from '../../contract/api/api-limits.ts';

/** How much memory the bodies of all requests of an isolate may take together. */
interface BodyBudgetLimits {
  /** Limits for bodies larger than `smallBytesMax`: for all of them, and for one owner's. */
  readonly bytesMax: number;
  readonly ownerBytesMax: number;
  /** Bodies up to this size share a reserve of their own, so that large ones never keep them waiting. */
  readonly smallBytesMax: number;
  readonly reserveBytesMax: number;
  /** Memory that was not touched for this long belongs to a request that the platform ended without running its `finally`. */
  readonly forgottenMs: number;
}

const DEFAULT_LIMITS: BodyBudgetLimits = {
  bytesMax: API_LIMITS.bodiesBytesMax,
  ownerBytesMax: API_LIMITS.bodiesOfKeyBytesMax,
  smallBytesMax: API_LIMITS.bodySmallBytesMax,
  reserveBytesMax: API_LIMITS.bodiesSmallBytesMax,
  forgottenMs: API_LIMITS.bodyForgottenMs,
};

/** Whether a body ends. A stream does not: it takes a fixed amount, which it holds for as long as it runs. */
export type BodyKind = 'whole' | 'stream';

interface Held {
  readonly owner: string;
  readonly kind: BodyKind;
  bytes: number;
  touchedMs: number;
}

/** What one request holds of the memory for bodies. */
export interface BodyHold {
  readonly bytes: number;
  /** Requests this many more bytes; false: not now, so that the caller stops reading and requests them again later. */
  take(bytes: number, nowMs: number): boolean;
  /** From now on the body takes no more than this. */
  shrinkTo(bytes: number): void;
  /** Gives everything back. Repeating it changes nothing. */
  release(): void;
}

class Hold implements Held, BodyHold {
  readonly #budget: BodyBudget;
  readonly owner: string;
  readonly kind: BodyKind;
  bytes = 0;
  touchedMs: number;

  constructor(budget: BodyBudget, owner: string, nowMs: number, kind: BodyKind) {
    this.#budget = budget;
    this.owner = owner;
    this.kind = kind;
    this.touchedMs = nowMs;
  }

  take(bytes: number, nowMs: number): boolean {
    return this.#budget.take(this, bytes, nowMs);
  }

  shrinkTo(bytes: number): void {
    this.#budget.resize(this, Math.min(this.bytes, bytes));
  }

  release(): void {
    this.#budget.resize(this, 0);
  }
}

/**
 * Admits the bytes of request bodies as they arrive. [G11]
 *
 * The body that holds the most may take what it still needs, whatever others hold: of bodies that wait for one another there is always one
 * that continues, and the budget is never exceeded by more than one body.
 */
export class BodyBudget {
  readonly #limits: BodyBudgetLimits;
  // The oldest first.
  readonly #held = new Set<Held>();
  readonly #ofOwner = new Map<string, number>();
  #largeBytes = 0;
  #smallBytes = 0;

  constructor(limits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** What all requests hold. */
  get bytes(): number {
    return this.#largeBytes + this.#smallBytes;
  }

  open(owner: string, nowMs: number, kind: BodyKind = 'whole'): BodyHold {
    return new Hold(this, owner, nowMs, kind);
  }

  /** As `BodyHold.take`. */
  take(held: Held, bytes: number, nowMs: number): boolean {
    held.touchedMs = nowMs;
    if (bytes > 0 && !this.#admits(held, held.bytes + bytes)) {
      this.#forgetSilent(nowMs);
      if (!this.#admits(held, held.bytes + bytes)) return false;
    }
    this.resize(held, held.bytes + bytes);
    return true;
  }

  #admits(held: Held, bytes: number): boolean {
    const fits = this.#isLarge(bytes)
      ? this.#fitsLarge(held, bytes)
      : this.#smallBytes - held.bytes + bytes <= this.#limits.reserveBytesMax;
    return fits || (held.kind === 'whole' && this.#isLargest(held, this.#isLarge(bytes)));
  }

  #fitsLarge(held: Held, bytes: number): boolean {
    const grown = this.#isLarge(held.bytes) ? bytes - held.bytes : bytes;
    const ofOwner = this.#ofOwner.get(held.owner) ?? 0;
    return this.#largeBytes + grown <= this.#limits.bytesMax && ofOwner + grown <= this.#limits.ownerBytesMax;
  }

  /** Whether the body holds the most of those that are read whole, among the large or the small ones; of equal ones, the oldest. */
  #isLargest(held: Held, isLarge: boolean): boolean {
    let largest: Held | undefined;
    for (const other of this.#held) {
      if (other.kind === 'whole' && this.#isLarge(other.bytes) === isLarge && other.bytes > (largest?.bytes ?? 0)) largest = other;
    }
    return largest === undefined || largest === held;
  }

  resize(held: Held, bytes: number): void {
    if (bytes === held.bytes) return;
    this.#count(held, -held.bytes);
    held.bytes = bytes;
    this.#count(held, bytes);
    if (bytes === 0) this.#held.delete(held);
    else this.#held.add(held);
  }

  #count({ owner, bytes }: Held, by: number): void {
    if (!this.#isLarge(bytes)) {
      this.#smallBytes += by;
      return;
    }
    this.#largeBytes += by;
    const ofOwner = (this.#ofOwner.get(owner) ?? 0) + by;
    if (ofOwner === 0) this.#ofOwner.delete(owner);
    else this.#ofOwner.set(owner, ofOwner);
  }

  #isLarge(bytes: number): boolean {
    return bytes > this.#limits.smallBytesMax;
  }

  #forgetSilent(nowMs: number): void {
    for (const held of this.#held) if (nowMs - held.touchedMs > this.#limits.forgottenMs) this.resize(held, 0);
  }
}
