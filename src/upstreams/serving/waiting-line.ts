import { SHARED_WORK_LIMITS } from '../../contract/api/shared-work.ts';
import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';

/**
 * A waiter looks again when the line may have moved up to it, at 650 calls a second: so that the looks of a full line are some 5,000 a
 * second, and not 200 of each waiter.
 */
const LOOK_MS_PER_POSITION = 1.5;

/** A request that waits for a place, as data. */
export interface Waiter {
  readonly priority: number;
  readonly deadlineMs: number;
  readonly serial: number;
  /** The upstreams at which it would be served if they had a place. */
  accepts: ReadonlySet<string>;
  lookedAtMs: number;
}

/**
 * The requests of an isolate that wait for places at upstreams: higher priority first, then sooner deadline, then arrival. [U58]
 *
 * Nothing wakes a waiter: each looks by a timer of its own whether it is its turn (DESIGN rule 11). One that has not looked for long was lost
 * with its request, and none waits behind it.
 */
export class WaitingLine {
  #waiters: Waiter[] = [];
  #serial = 0;

  get length(): number {
    return this.#waiters.length;
  }

  /** Undefined: the line is full. */
  join(priority: number, deadlineMs: number, nowMs: number): Waiter | undefined {
    if (this.#waiters.length >= UPSTREAM_LIMITS.upstreamWaitersMaxCount) this.#forgetLost(nowMs);
    if (this.#waiters.length >= UPSTREAM_LIMITS.upstreamWaitersMaxCount) return undefined;
    const waiter: Waiter = { priority, deadlineMs, serial: (this.#serial += 1), accepts: new Set(), lookedAtMs: nowMs };
    const at = this.#waiters.findIndex((other) => isBefore(waiter, other));
    this.#waiters.splice(at === -1 ? this.#waiters.length : at, 0, waiter);
    return waiter;
  }

  leave(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at !== -1) this.#waiters.splice(at, 1);
  }

  /** Whether one of `free` places at an upstream is the waiter's: fewer than that wait before it. Undefined: a request that does not wait yet. */
  isTurnOf(waiter: Waiter | undefined, upstreamId: string, free: number, nowMs: number): boolean {
    if (free === Infinity) return true;
    let before = 0;
    for (const other of this.#waiters) {
      if (other === waiter) break;
      if (other.accepts.has(upstreamId) && !isLost(other, nowMs)) before += 1;
      if (before >= free) return false;
    }
    return free > 0;
  }

  /** When the waiter looks again. */
  lookAfterMs(waiter: Waiter): number {
    return Math.max(SHARED_WORK_LIMITS.sharedWorkFirstLookMs, Math.ceil(LOOK_MS_PER_POSITION * this.#waiters.indexOf(waiter)));
  }

  #forgetLost(nowMs: number): void {
    this.#waiters = this.#waiters.filter((waiter) => !isLost(waiter, nowMs));
  }
}

const isBefore = (a: Waiter, b: Waiter): boolean => a.priority > b.priority || (a.priority === b.priority && a.deadlineMs < b.deadlineMs);

const isLost = ({ lookedAtMs }: Waiter, nowMs: number): boolean => nowMs - lookedAtMs >= UPSTREAM_LIMITS.upstreamWaiterLostMs;
