import { TENANCY_LIMITS } from '../contract/tenancy/tenancy-limits.ts';
import type { Clock } from '../kernel/clock.ts';
import { inTime } from '../kernel/timer.ts';
import type { Timer } from '../kernel/timer.ts';

/** An isolate of a gateway with long calls of one organisation. */
export interface AuthorityWatcher {
  readonly isolate: string;
  /** The newest version that the isolate has heard of. */
  readonly known: number;
  /** All its long calls were found in force at this version or a later one. Null: it has none. */
  readonly settled: number | null;
}

interface Watching {
  settled: number;
  /** Ends the wait that is under way; undefined: none is. */
  wake: (() => void) | undefined;
  endedAtMs: number;
}

/**
 * The isolates that watch the keys and tenants of one organisation for the calls that they have under way: each waits here with one call at a
 * time. They are in memory alone: an object that begins anew breaks their calls off, and they call again. [T120]
 */
export class AuthorityWatchers {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #watching = new Map<string, Watching>();

  constructor(clock: Clock, timer: Timer) {
    this.#clock = clock;
    this.#timer = timer;
  }

  /** All that wait look at the version. */
  changed(): void {
    for (const { wake } of this.#watching.values()) wake?.();
  }

  /** Resolves once `version` is newer than what the isolate knows, when the isolate calls anew, or after `waitMs`. */
  async wait({ isolate, known, settled }: AuthorityWatcher, waitMs: number, version: () => number): Promise<void> {
    const before = this.#watching.get(isolate);
    this.#watching.delete(isolate);
    before?.wake?.();
    this.#forgetLost();
    if (settled === null) return;
    const own: Watching = { settled, wake: undefined, endedAtMs: 0 };
    this.#watching.set(isolate, own);
    const untilMs = this.#clock.nowMs() + waitMs;
    for (
      let leftMs = waitMs;
      version() <= known && leftMs > 0 && this.#watching.get(isolate) === own;
      leftMs = untilMs - this.#clock.nowMs()
    )
      await inTime(new Promise<void>((resolve) => void (own.wake = resolve)), leftMs, this.#timer);
    own.wake = undefined;
    own.endedAtMs = this.#clock.nowMs();
  }

  /** How many isolates may have calls under way that they have not found in force at this version or a later one. */
  countBehind(version: number): number {
    this.#forgetLost();
    return [...this.#watching.values()].filter(({ settled }) => settled < version).length;
  }

  /** An isolate calls again at once as long as it has long calls. */
  #forgetLost(): void {
    const nowMs = this.#clock.nowMs();
    for (const [isolate, { wake, endedAtMs }] of this.#watching)
      if (wake === undefined && Math.abs(nowMs - endedAtMs) >= TENANCY_LIMITS.authorityCallLostMs) this.#watching.delete(isolate);
  }
}
