import { LruCache } from '../cache/lru-cache.ts';
import { isLeased, renewView } from '../cache/purge-lease.ts';
import type { PurgeView } from '../cache/purge-lease.ts';
import { PurgeLog } from '../cache/purge-log.ts';
import { digestCount } from '../cache/purge-predicate.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Background } from './background.ts';
import type { PurgeLogs } from './purge-logs.ts';

/** What an isolate may believe of a tenant's purges while it serves one request. */
export interface CurrentView {
  readonly log: PurgeLog;
  /** Whether the log is complete. If not, nothing cached may be served: there may be purges nobody here has heard of. */
  readonly complete: boolean;
}

interface Held {
  readonly view: PurgeView;
  /** After the log could not be reached, it is left alone until then. */
  readonly retryAtMs: number;
}

const UNKNOWN: Held = {
  view: {
    log: new PurgeLog([], { predicatesMax: LIMITS.purgePredicatesMaxCount, digestsMax: LIMITS.purgeDigestsMaxCount }),
    leasedUntilMs: 0,
  },
  retryAtMs: 0,
};

interface PurgeViewsParts {
  readonly logs: PurgeLogs;
  readonly clock: Clock;
  readonly background: Background;
}

/** The purge logs that this isolate holds under lease. Tenants in use are renewed ahead of time, so their requests do not wait. */
export class PurgeViews {
  readonly #parts: PurgeViewsParts;
  readonly #held = new LruCache<Held>({ entriesMax: LIMITS.purgeViewsMaxCount, bytesMax: LIMITS.purgeViewsBytesMax });
  readonly #renewals = new Map<TenantId, Promise<void>>();

  constructor(parts: PurgeViewsParts) {
    this.#parts = parts;
  }

  /** Waits for a lease if there is none, but no longer than `purgeLeaseWaitMaxMs`. */
  async current(tenantId: TenantId): Promise<CurrentView> {
    const nowMs = this.#parts.clock.nowMs();
    const { view, retryAtMs } = this.#find(tenantId);
    if (!isLeased(view, nowMs)) {
      if (nowMs >= retryAtMs) await this.#renew(tenantId);
    } else if (view.leasedUntilMs - nowMs < LIMITS.purgeLeaseMs / 2) {
      void this.#renew(tenantId);
    }
    const renewed = this.#find(tenantId).view;
    return { log: renewed.log, complete: isLeased(renewed, this.#parts.clock.nowMs()) };
  }

  #find(tenantId: TenantId): Held {
    return this.#held.get(tenantId, this.#parts.clock.nowMs()) ?? UNKNOWN;
  }

  #renew(tenantId: TenantId): Promise<void> {
    const underWay = this.#renewals.get(tenantId);
    if (underWay !== undefined) return underWay;
    const renewal = this.#ask(tenantId).finally(() => this.#renewals.delete(tenantId));
    this.#renewals.set(tenantId, renewal);
    // Others may join: it must outlive the request that began it.
    this.#parts.background(renewal);
    return renewal;
  }

  async #ask(tenantId: TenantId): Promise<void> {
    const sentAtMs = this.#parts.clock.nowMs();
    // The answer continues this very view: what is held may have been evicted by the time it arrives.
    const { view } = this.#find(tenantId);
    const grant = await this.#parts.logs.lease(tenantId, view.log.position);
    if (grant.ok) this.#hold(tenantId, { view: renewView(view, grant.value, sentAtMs), retryAtMs: 0 });
    else this.#hold(tenantId, { view, retryAtMs: this.#parts.clock.nowMs() + LIMITS.purgeLeaseWaitMaxMs });
  }

  #hold(tenantId: TenantId, held: Held): void {
    const digests = held.view.log.entries.reduce((count, { predicate }) => count + digestCount(predicate), 0);
    this.#held.set(tenantId, held, 1_000 + held.view.log.entries.length * 200 + digests * 400, undefined);
  }
}
