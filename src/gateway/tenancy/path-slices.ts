import type { Refusal } from '../../contract/errors.ts';
import { refusal } from '../../contract/errors.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Amounts, CounterKey } from '../../tenancy/quota/amounts.ts';
import { covers, minus, NOTHING, plus } from '../../tenancy/quota/amounts.ts';
import type { Ask, Decision, Tightest } from '../../tenancy/quota/decision.ts';
import type { Slice } from '../../tenancy/quota/slice.ts';
import { SlicePool } from '../../tenancy/quota/slice-pool.ts';
import { quotaRefusal } from './quota-refusal.ts';

/** After a refusal this isolate does not ask for as much again for this long: a refused crowd must not storm the ledger. */
const REFUSAL_MS = 100;

interface PathSlicesParts {
  readonly take: (ask: Ask) => Promise<Decision>;
  readonly clock: Clock;
  readonly background: (work: Promise<unknown>) => void;
}

/** The slices of one key and all above it in this isolate: asked for one at a time, by whoever finds the pool short. */
export class PathSlices {
  readonly #parts: PathSlicesParts;
  readonly #pool = new SlicePool();
  #renewal: Promise<unknown> | undefined;
  #waiting: Amounts = NOTHING;
  #refused: { readonly error: Refusal; readonly need: Amounts; readonly untilMs: number } | undefined;
  #isIdle = false;

  constructor(parts: PathSlicesParts) {
    this.#parts = parts;
  }

  /** Refuses with `rate_limit_exceeded`, `insufficient_quota`, `limit_exceeded`, or `unavailable` when the ledger is away. */
  async draw(need: Amounts): Promise<Outcome<Slice>> {
    this.#isIdle = false;
    for (;;) {
      const nowMs = this.#parts.clock.nowMs();
      const drawn = this.#pool.draw(need, nowMs);
      if (drawn !== undefined) return ok(drawn);
      if (this.#refused !== undefined && nowMs < this.#refused.untilMs && covers(need, this.#refused.need)) {
        return err(this.#refused.error);
      }
      if (this.#renewal === undefined) {
        const renewed = await this.#renew(need, nowMs);
        if (renewed !== undefined) return renewed;
      } else {
        await this.#waitFor(this.#renewal, need);
      }
    }
  }

  refund(slice: Slice): void {
    this.#pool.refund(slice);
  }

  /** Whether something that exists is limited for this path. Known once something has been drawn. */
  holds(key: CounterKey): boolean {
    return this.#pool.holds.includes(key);
  }

  tightest(): readonly Tightest[] {
    return this.#pool.tightest(this.#parts.clock.nowMs());
  }

  /** Hands everything in, unless a request has drawn since the last call. */
  async returnIdle(): Promise<void> {
    const wasIdle = this.#isIdle;
    this.#isIdle = true;
    if (!wasIdle || this.#renewal !== undefined) return;
    const returned = this.#pool.drain();
    if (returned.length === 0) return;
    // At most once: whether it arrived is not known after a failure, and handing it in twice would create quota.
    await this.#parts.take({ need: NOTHING, draw: NOTHING, want: NOTHING, returned }).catch(() => undefined);
  }

  async #waitFor(renewal: Promise<unknown>, need: Amounts): Promise<void> {
    this.#waiting = plus(this.#waiting, need);
    await renewal;
    this.#waiting = minus(this.#waiting, need);
  }

  #renew(need: Amounts, nowMs: number): Promise<Outcome<Slice> | undefined> {
    const renewal = this.#ask(need, nowMs).finally(() => (this.#renewal = undefined));
    this.#renewal = renewal;
    // Others wait for it, so it must outlive the request that began it.
    this.#parts.background(renewal);
    return renewal;
  }

  /**
   * The asker draws in the same step in which the grant arrives: nobody can take it from under its hands.
   * Undefined when the window turned on the way, so that the grant no longer covers the need.
   */
  async #ask(need: Amounts, sentAtMs: number): Promise<Outcome<Slice> | undefined> {
    const ask = this.#pool.ask(need, this.#waiting, sentAtMs);
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
