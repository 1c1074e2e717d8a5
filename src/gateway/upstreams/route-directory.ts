import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { ServingRoute } from '../../upstreams/routes/route-record.ts';
import type { CascadeTally } from '../../upstreams/cascade/cascade-tally.ts';
import type { CanaryTally } from '../../upstreams/routes/canary-tally.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';
import { PLATFORM } from '../../upstreams/upstream-record.ts';
import type { RouteCalls } from './route-admin.ts';

interface DirectoryParts {
  readonly routes: (owner: UpstreamOwner) => Pick<RouteCalls, 'directory' | 'report'>;
  readonly tally: CanaryTally;
  readonly cascades: CascadeTally;
  readonly clock: Clock;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

interface Known {
  readonly routes: ReadonlyMap<string, ServingRoute>;
  /** Before it was asked for. */
  readonly askedAtMs: number;
  /** When it was last asked for beside requests. */
  renewedAtMs: number;
}

/** A route that a request names, and its owner. */
export interface FoundRoute {
  readonly owner: UpstreamOwner;
  readonly route: ServingRoute;
}

/** Of the time that a directory is believed: the rest is far longer than a renewal takes. */
const RENEWED_AFTER_MS = LIMITS.routesFreshMs / 2;

/**
 * An isolate's copy of the routes that serve, at most `routesFreshMs` old. While the object that stores them does not answer, the copy is used
 * for up to `routesStaleMs`. What was counted of canaries is reported before the routes are read again. [U98]
 */
export class RouteDirectory {
  readonly #parts: DirectoryParts;
  /** The owner that was asked for the longest time ago goes first. */
  readonly #known = new Map<UpstreamOwner, Known>();

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /** The tenant's own route of that name, else the platform's. Undefined: there is none. Refuses with `unavailable`. */
  async find(tenantId: string, name: string): Promise<Outcome<FoundRoute | undefined>> {
    // A route's name has no slash: `upstream/model` is a model.
    if (name.includes('/')) return ok(undefined);
    const owners = [tenantId, PLATFORM];
    const known = await Promise.all(owners.map((owner) => this.#of(owner)));
    for (const [at, of] of known.entries()) {
      if (of === undefined) return refuse('unavailable', 'it cannot be determined which routes there are: repeat the call', 'model');
      const route = of.routes.get(name);
      if (route !== undefined) return ok({ owner: owners[at] ?? PLATFORM, route });
    }
    return ok(undefined);
  }

  /** Undefined: it cannot be determined. */
  async #of(owner: UpstreamOwner): Promise<Known | undefined> {
    const { clock, background } = this.#parts;
    const nowMs = clock.nowMs();
    const known = this.#known.get(owner);
    if (known === undefined || nowMs - known.askedAtMs >= LIMITS.routesFreshMs) return this.#asked(owner, known, nowMs);
    if (nowMs - Math.max(known.askedAtMs, known.renewedAtMs) >= RENEWED_AFTER_MS) {
      known.renewedAtMs = nowMs;
      background(this.#asked(owner, known, nowMs));
    }
    return known;
  }

  async #asked(owner: UpstreamOwner, known: Known | undefined, askedAtMs: number): Promise<Known | undefined> {
    const { routes, tally, cascades } = this.#parts;
    const [canaryReports, cascadeReports] = [tally.take(owner), cascades.take(owner)];
    try {
      if (canaryReports.length + cascadeReports.length > 0) await routes(owner).report(canaryReports, cascadeReports);
    } catch {
      // Counted again with the next report; one that had arrived nevertheless would be counted twice, so it is dropped instead.
    }
    try {
      const found = await routes(owner).directory();
      return this.#learn(owner, { routes: new Map(found.map((route) => [route.name, route])), askedAtMs, renewedAtMs: askedAtMs });
    } catch {
      return known !== undefined && askedAtMs - known.askedAtMs < LIMITS.routesStaleMs ? known : undefined;
    }
  }

  /** What was asked for later is newer. */
  #learn(owner: UpstreamOwner, learned: Known): Known {
    const before = this.#known.get(owner);
    if (before !== undefined && before.askedAtMs > learned.askedAtMs) return before;
    this.#known.delete(owner);
    this.#known.set(owner, learned);
    for (const [oldest] of this.#known) {
      if (this.#known.size <= LIMITS.routeOwnersKnownMaxCount || oldest === owner) break;
      this.#known.delete(oldest);
    }
    return learned;
  }
}
