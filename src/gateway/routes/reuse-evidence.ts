import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { MeasuredReuse, ReuseCounts, ReuseSubject } from '../../upstreams/reuse/reuse-evidence.ts';
import { addChecks, NO_CHECKS } from '../../upstreams/reuse/reuse-evidence.ts';
import { DelayedDelivery } from '../api/delayed-delivery.ts';
import type { RouteCalls } from './route-admin.ts';

interface ReuseEvidenceParts {
  /** The routes of a tenant: what its calls have measured is kept with them. */
  readonly routes: (tenantId: TenantId) => Pick<RouteCalls, 'reuses'>;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

/** What an isolate knows of the checks of one tenant. */
interface Known {
  /** The checks of all isolates, as last received from the routes. */
  shared: ReadonlyMap<string, ReuseCounts>;
  sharedAtMs: number;
  /** When it was last asked for. */
  askedAtMs: number;
  /** Counted here, and not reported yet. */
  own: Map<string, MeasuredReuse>;
  /** Reports under way. */
  readonly sent: Set<ReadonlyMap<string, MeasuredReuse>>;
}

/**
 * How often reused answers were false, by tenant and version of a route, as all isolates have measured it. An isolate reports what it has checked
 * within `reuseReportMs`, and learns within `routesFreshMs` what others have. Without evidence, and once what it knows is older than
 * `routesStaleMs`, it relies on its own checks alone. [U126]
 */
export class ReuseEvidence {
  readonly #parts: ReuseEvidenceParts;
  readonly #delayed: DelayedDelivery;
  /** The tenant that was asked for the longest time ago goes first. */
  readonly #known = new Map<TenantId, Known>();

  constructor(parts: ReuseEvidenceParts) {
    this.#parts = parts;
    this.#delayed = new DelayedDelivery({ ...parts, delayMs: COMPLETION_LIMITS.reuseReportMs, deliver: () => this.#report() });
  }

  of(tenantId: TenantId, { key }: ReuseSubject): ReuseCounts {
    const known = this.#of(tenantId);
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - known.askedAtMs >= ROUTE_LIMITS.routesFreshMs) this.#parts.background(this.#exchange(tenantId, known));
    const isUsable = nowMs - known.sharedAtMs < ROUTE_LIMITS.routesStaleMs;
    const counted = [known.own, ...known.sent].map((of) => of.get(key)?.counts);
    return [isUsable ? known.shared.get(key) : undefined, ...counted].reduce<ReuseCounts>(
      (sum, more = NO_CHECKS) => addChecks(sum, more),
      NO_CHECKS,
    );
  }

  note(tenantId: TenantId, subject: ReuseSubject, hasDiffered: boolean): void {
    count(this.#of(tenantId).own, { ...subject, counts: { checked: 1, differed: Number(hasDiffered) } });
    this.#delayed.notice();
  }

  #of(tenantId: TenantId): Known {
    const known = this.#known.get(tenantId) ?? {
      shared: new Map(),
      sharedAtMs: -Infinity,
      askedAtMs: -Infinity,
      own: new Map(),
      sent: new Set(),
    };
    this.#known.delete(tenantId);
    this.#known.set(tenantId, known);
    if (this.#known.size > COMPLETION_LIMITS.reuseTenantsMaxCount) this.#forgetOldest();
    return known;
  }

  /** What it has counted is reported first: checks that found an answer false must not be lost. */
  #forgetOldest(): void {
    for (const [tenantId, known] of this.#known) {
      this.#known.delete(tenantId);
      if (known.own.size > 0) this.#parts.background(this.#exchange(tenantId, known));
      return;
    }
  }

  async #report(): Promise<void> {
    const waiting = [...this.#known].filter(([, { own }]) => own.size > 0);
    await Promise.all(waiting.map(([tenantId, known]) => this.#exchange(tenantId, known)));
  }

  async #exchange(tenantId: TenantId, known: Known): Promise<void> {
    const askedAtMs = this.#parts.clock.nowMs();
    const reported: ReadonlyMap<string, MeasuredReuse> = known.own;
    known.askedAtMs = askedAtMs;
    known.own = new Map();
    known.sent.add(reported);
    try {
      const measured = await this.#parts.routes(tenantId).reuses([...reported.values()]);
      if (known.sharedAtMs > askedAtMs) return;
      known.shared = new Map(measured.map(({ key, counts }) => [key, counts]));
      known.sharedAtMs = askedAtMs;
    } catch {
      // Reported again with the next ones. What has arrived nevertheless counts twice, those that differed like the others.
      for (const again of reported.values()) count(known.own, again);
    } finally {
      known.sent.delete(reported);
    }
  }
}

function count(counted: Map<string, MeasuredReuse>, { counts, ...subject }: MeasuredReuse): void {
  counted.set(subject.key, { ...subject, counts: addChecks(counted.get(subject.key)?.counts ?? NO_CHECKS, counts) });
}
