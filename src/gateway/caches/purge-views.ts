import { LruCache } from '../../cache/lru-cache.ts';
import { isLeased, logTimeMs, renewView, stampOf } from '../../cache/purge-lease.ts';
import type { PurgeView } from '../../cache/purge-lease.ts';
import { PurgeLog } from '../../cache/purge-log.ts';
import type { FillStamp } from '../../cache/purge-predicate.ts';
import { termCount } from '../../cache/purge-predicate.ts';
import { CACHE_LIMITS } from '../../contract/caches/cache-limits.ts';
import { sharedFor } from '../../contract/api/shared-work.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { CacheOwnerId } from '../../kernel/ids.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { PurgeLogs } from './purge-logs.ts';

/** What an isolate may believe of the purges of a cache while it serves one request. */
export interface CurrentView {
  readonly log: PurgeLog;
  /** Whether the log is complete. If not, nothing cached may be served: there may be purges that this isolate lacks. */
  readonly complete: boolean;
  /** For fills that start under this view. */
  readonly stamp: FillStamp;
  /** The time on the log's clock, at the latest. */
  readonly logTimeMs: number;
}

interface Held {
  readonly view: PurgeView;
  /** After the log could not be reached, it is left alone until then. */
  readonly retryAtMs: number;
}

const UNKNOWN: Held = {
  view: {
    log: new PurgeLog([], { predicatesMax: CACHE_LIMITS.purgePredicatesMaxCount, termsMax: CACHE_LIMITS.purgeTermsMaxCount }),
    leasedUntilMs: 0,
    knownMs: 0,
    askedAtMs: 0,
  },
  retryAtMs: 0,
};

const noneHeld = () => new LruCache<Held>({ entriesMax: CACHE_LIMITS.purgeViewsMaxCount, bytesMax: CACHE_LIMITS.purgeViewsBytesMax });

interface PurgeViewsParts {
  readonly logs: PurgeLogs;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

/** The purge logs that this isolate holds under lease. Those in use are renewed ahead of time, so their requests do not wait. */
export class PurgeViews {
  readonly #parts: PurgeViewsParts;
  readonly #renewals: SharedWork<undefined>;
  #held = noneHeld();
  #latestMs = 0;

  constructor(parts: PurgeViewsParts) {
    this.#parts = parts;
    const waitMs = CACHE_LIMITS.purgeLeaseWaitMaxMs;
    this.#renewals = new SharedWork({ ...parts, bounds: sharedFor(2 * waitMs, waitMs) });
  }

  /** Waits for a lease if there is none, but no longer than `purgeLeaseWaitMaxMs`. */
  async current(owner: CacheOwnerId): Promise<CurrentView> {
    const nowMs = this.#nowMs();
    const { view, retryAtMs } = this.#find(owner);
    if (!isLeased(view, nowMs)) {
      // Whether it arrived is checked below; a caller that waits in vain continues without it.
      if (nowMs >= retryAtMs) await this.#renewals.run(owner, () => this.#ask(owner));
    } else if (view.leasedUntilMs - nowMs < CACHE_LIMITS.purgeLeaseMs / 2 && this.#renewals.find(owner) === undefined) {
      void this.#renewals.lead([owner], () => this.#ask(owner)).catch(() => undefined);
    }
    const judgedAtMs = this.#nowMs();
    const renewed = this.#find(owner).view;
    return {
      log: renewed.log,
      complete: isLeased(renewed, judgedAtMs),
      stamp: stampOf(renewed),
      logTimeMs: logTimeMs(renewed, judgedAtMs),
    };
  }

  #find(owner: CacheOwnerId): Held {
    return this.#held.get(owner, this.#latestMs) ?? UNKNOWN;
  }

  /** A clock that was set back no longer shows how long ago a lease began: all of them end. */
  #nowMs(): number {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs < this.#latestMs) this.#held = noneHeld();
    this.#latestMs = nowMs;
    return nowMs;
  }

  async #ask(owner: CacheOwnerId): Promise<undefined> {
    const sentAtMs = this.#nowMs();
    // The answer continues this very view: what is held may have been evicted by the time it arrives.
    const { view } = this.#find(owner);
    const held = this.#held;
    const grant = await this.#parts.logs.lease(owner, view.log.position);
    const nowMs = this.#nowMs();
    // The clock was set back meanwhile.
    if (held !== this.#held) return undefined;
    if (grant.ok) this.#hold(owner, { view: renewView(view, grant.value, sentAtMs), retryAtMs: 0 });
    else this.#hold(owner, { view, retryAtMs: nowMs + CACHE_LIMITS.purgeLeaseWaitMaxMs });
    return undefined;
  }

  #hold(owner: CacheOwnerId, held: Held): void {
    const terms = held.view.log.entries.reduce((count, { predicate }) => count + termCount(predicate), 0);
    this.#held.set(owner, held, 1_000 + held.view.log.entries.length * 200 + terms * 400, undefined);
  }
}
