import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { BreakerState } from '../../contract/routes/route-conditions.ts';
import type { OutcomeBucket } from './outcome-window.ts';
import { OutcomeWindow } from './outcome-window.ts';

/** From this share of failures on a target counts as down. */
const DOWN_SHARE = 0.5;

/** What a call that was let through may report. */
export interface Passage {
  /** The target has begun to answer. */
  succeeded(nowMs: number): void;
  /** It gave no answer, a failure, or broke off. `isFault`: there was no answer at all. */
  failed(nowMs: number, isFault: boolean): void;
  /** The call was given up for reasons of its own, and says nothing about the target. */
  abandoned(): void;
}

/**
 * Lets calls through to a target until too many fail, then none for a while, then one at a time until one succeeds. [U54]
 *
 * It opens when half of the outcomes of the window are failures, or after `upstreamFaultsInRowMaxCount` calls in a row without an answer.
 * What is under way when it opens says nothing about the time after: only the probe decides then.
 */
export class CircuitBreaker {
  readonly #window = new OutcomeWindow();
  #faultsInRow = 0;
  #openUntilMs = 0;
  #openMs = 0;
  #isClosed = true;
  /** Raised whenever the breaker opens or closes. */
  #era = 0;
  #probe: { readonly startedAtMs: number } | undefined;

  /** `half_open`: one probe at a time is let through. */
  state(nowMs: number): BreakerState {
    if (this.#isClosed) return 'closed';
    return nowMs < this.#openUntilMs ? 'open' : 'half_open';
  }

  /** The first moment at which a call may be let through. */
  admitsAtMs(nowMs: number): number {
    if (this.#isClosed) return nowMs;
    const probeEndMs = this.#probe === undefined ? nowMs : this.#probe.startedAtMs + UPSTREAM_LIMITS.upstreamProbeMaxMs;
    return Math.max(nowMs, this.#openUntilMs, probeEndMs);
  }

  failureShare(nowMs: number): number | undefined {
    return this.#window.failureShare(nowMs);
  }

  /** Undefined: not now. */
  admit(nowMs: number): Passage | undefined {
    if (this.admitsAtMs(nowMs) > nowMs) return undefined;
    if (this.#isClosed) return this.#passage(this.#era);
    const probe = { startedAtMs: nowMs };
    this.#probe = probe;
    return this.#probePassage(probe);
  }

  #passage(era: number): Passage {
    let success: OutcomeBucket | undefined;
    return {
      succeeded: (nowMs) => {
        if (era !== this.#era) return;
        success = this.#window.succeeded(nowMs);
        this.#faultsInRow = 0;
      },
      failed: (nowMs, isFault) => {
        if (era !== this.#era) return;
        this.#window.failed(nowMs, success);
        this.#faultsInRow = isFault ? this.#faultsInRow + 1 : 0;
        this.#judge(nowMs);
      },
      abandoned: () => undefined,
    };
  }

  #judge(nowMs: number): void {
    const share = this.#window.failureShare(nowMs) ?? 0;
    if (share >= DOWN_SHARE || this.#faultsInRow >= UPSTREAM_LIMITS.upstreamFaultsInRowMaxCount)
      this.#open(nowMs, UPSTREAM_LIMITS.upstreamOpenMs);
  }

  #open(nowMs: number, openMs: number): void {
    this.#isClosed = false;
    this.#era += 1;
    this.#openMs = Math.min(openMs, UPSTREAM_LIMITS.upstreamOpenMaxMs);
    this.#openUntilMs = nowMs + this.#openMs;
    this.#faultsInRow = 0;
    this.#window.clear();
  }

  #probePassage(probe: { readonly startedAtMs: number }): Passage {
    let closed: Passage | undefined;
    const end = (): boolean => {
      const isCurrent = this.#probe === probe;
      if (isCurrent) this.#probe = undefined;
      return isCurrent;
    };
    return {
      succeeded: (nowMs) => {
        if (!end()) return;
        this.#isClosed = true;
        this.#era += 1;
        closed = this.#passage(this.#era);
        closed.succeeded(nowMs);
      },
      failed: (nowMs, isFault) => {
        if (closed !== undefined) closed.failed(nowMs, isFault);
        else if (end()) this.#open(nowMs, 2 * this.#openMs);
      },
      abandoned: () => void end(),
    };
  }
}
