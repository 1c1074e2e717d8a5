import type { Refusal } from '../../../contract/api/errors.ts';
import { refusal } from '../../../contract/api/errors.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { sharedFor, sharedRefusal, SHARED_WORK_LIMITS } from '../../../contract/api/shared-work.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { err, ok } from '../../../kernel/result.ts';
import { SharedWork } from '../../../kernel/shared-work.ts';
import type { Flight, WaitBudget } from '../../../kernel/shared-work.ts';
import type { WakeUps } from '../../../kernel/wake-ups.ts';
import type { Amounts, CounterKey } from '../../../tenancy/quota/amounts.ts';
import { covers, isNothing, NOTHING, plus } from '../../../tenancy/quota/amounts.ts';
import type { Ask, Decision, Tightest } from '../../../tenancy/quota/decision.ts';
import { quotaRefusal } from '../../../tenancy/quota/decision.ts';
import type { Slice } from '../../../tenancy/quota/window.ts';
import { SlicePool } from '../../../tenancy/quota/slice-pool.ts';

/** After a refusal this isolate does not request as much again for this long: many refused callers must not flood the ledger. */
const REFUSAL_MS = 100;

const RENEWAL = '';
/** A request waits for the renewals of two others. */
const WAIT_MAX_MS = 2 * SHARED_WORK_LIMITS.quotaRenewalMaxMs;

interface Waiting {
  readonly need: Amounts;
  readonly sinceMs: number;
}

interface PathSlicesParts {
  readonly take: (ask: Ask) => Promise<Decision>;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
  /** Keeps work going after the request that began it has ended. */
  readonly background: (work: Promise<void>) => void;
}

/** The slices of one key and all levels above it in this isolate: requested one at a time, by the caller that finds the pool short. */
export class PathSlices {
  readonly #parts: PathSlicesParts;
  readonly #pool = new SlicePool();
  /** One at a time, under `RENEWAL`. */
  readonly #renewals: SharedWork<Outcome<Slice> | undefined>;
  /** Requests that wait for it. One whose caller left stays here until its time is up. */
  readonly #waiting = new Set<Waiting>();
  #refused: { readonly error: Refusal; readonly need: Amounts; readonly untilMs: number } | undefined;
  #isIdle = false;

  constructor(parts: PathSlicesParts) {
    this.#parts = parts;
    this.#renewals = new SharedWork({ ...parts, bounds: sharedFor(SHARED_WORK_LIMITS.quotaRenewalMaxMs, WAIT_MAX_MS) });
  }

  /** Refuses with `rate_limit_exceeded`, `insufficient_quota`, `limit_exceeded`, or `unavailable` when the ledger cannot be reached. */
  async draw(need: Amounts): Promise<Outcome<Slice>> {
    this.#isIdle = false;
    const waitBudget = this.#renewals.waitBudget();
    for (;;) {
      const nowMs = this.#parts.clock.nowMs();
      const drawn = this.#pool.draw(need, nowMs);
      if (drawn !== undefined) {
        this.#renewAhead(need, nowMs);
        return ok(drawn);
      }
      if (this.#refused !== undefined && nowMs < this.#refused.untilMs && covers(need, this.#refused.need)) {
        return err(this.#refused.error);
      }
      const renewal = this.#renewals.find(RENEWAL)?.flight;
      const ended =
        renewal === undefined
          ? await this.#renewals.lead([RENEWAL], () => this.#ask(need, nowMs))
          : await this.#waitFor(renewal, need, nowMs, waitBudget);
      if (ended !== undefined) return ended;
    }
  }

  /** Takes back what a call did not use: for the next call, or, near a limit, for all isolates at once. [T94] */
  refund(slice: Slice): void {
    if (isNothing(slice.units)) return;
    // What was refused may fit now.
    this.#refused = undefined;
    const scarce = this.#pool.release(slice);
    if (scarce !== undefined) this.#parts.background(this.#handIn([scarce]));
  }

  /** Whether something that exists is limited for this path. Known once something has been drawn. */
  holds(key: CounterKey): boolean {
    return this.#pool.holds.includes(key);
  }

  tightest(): readonly Tightest[] {
    return this.#pool.tightest(this.#parts.clock.nowMs());
  }

  /** Hands everything in, unless a request has drawn since the last call. Answers whether the next call may have something to hand in. */
  async returnIdle(): Promise<boolean> {
    const wasIdle = this.#isIdle;
    this.#isIdle = true;
    if (this.#renewals.find(RENEWAL) !== undefined) return true;
    if (!wasIdle) return !this.#pool.isEmpty;
    const returned = this.#pool.drain();
    if (returned.length > 0) await this.#handIn(returned);
    return false;
  }

  /** At most once: whether it arrived is not known after a failure, and handing it in twice would create quota. */
  async #handIn(returned: readonly Slice[]): Promise<void> {
    await this.#parts.take({ need: NOTHING, draw: NOTHING, want: NOTHING, returned }).catch(() => undefined);
  }

  /** The next slice is asked for while this one lasts, so that callers at a steady rate never wait for it. [G60] */
  #renewAhead(need: Amounts, nowMs: number): void {
    if (!this.#pool.isLow(need, nowMs) || this.#renewals.find(RENEWAL) !== undefined) return;
    void this.#renewals.lead([RENEWAL], () => this.#ask(NOTHING, nowMs)).catch(() => undefined);
  }

  /** Undefined once another draw is worth a try. */
  async #waitFor(
    renewal: Flight<Outcome<Slice> | undefined>,
    need: Amounts,
    sinceMs: number,
    waitBudget: WaitBudget,
  ): Promise<Outcome<never> | undefined> {
    const waiting = { need, sinceMs };
    this.#waiting.add(waiting);
    const joined = await this.#renewals.join(renewal, waitBudget);
    this.#waiting.delete(waiting);
    const isRefused = joined.kind === 'crowded' || joined.kind === 'late';
    return isRefused ? err(sharedRefusal(joined.kind, 'the quota, which another request asks for,')) : undefined;
  }

  /** What the waiting callers need together. */
  #waitingNeed(nowMs: number): Amounts {
    let sum = NOTHING;
    for (const waiting of this.#waiting) {
      if (nowMs - waiting.sinceMs > WAIT_MAX_MS) this.#waiting.delete(waiting);
      else sum = plus(sum, waiting.need);
    }
    return sum;
  }

  /**
   * The requester draws in the same step in which the grant arrives, so no other call can take it first. Undefined when the window turned
   * on the way, so that the grant no longer covers the need.
   */
  async #ask(need: Amounts, sentAtMs: number): Promise<Outcome<Slice> | undefined> {
    const ask = this.#pool.ask(need, this.#waitingNeed(sentAtMs), sentAtMs);
    let decision: Decision;
    try {
      decision = await this.#parts.take(ask);
    } catch {
      return this.#refuse(refusal('unavailable', 'the quota cannot be checked now; try again'), NOTHING);
    }
    if (decision.kind === 'refused') {
      this.#pool.note(decision.tightest, sentAtMs);
      return this.#refuse(quotaRefusal(decision), need);
    }
    this.#pool.credit(decision, sentAtMs);
    const drawn = this.#pool.draw(need, this.#parts.clock.nowMs());
    return drawn === undefined ? undefined : ok(drawn);
  }

  #refuse(error: Refusal, need: Amounts): Outcome<never> {
    this.#refused = { error, need, untilMs: this.#parts.clock.nowMs() + REFUSAL_MS };
    return err(error);
  }
}
