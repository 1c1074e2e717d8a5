import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { ServingRoute } from '../../upstreams/routes/route-record.ts';
import type { CascadeTally } from '../../upstreams/cascade/cascade-tally.ts';
import type { CanaryTally } from '../../upstreams/routes/canary-tally.ts';
import type { UpstreamOwner } from '../../upstreams/upstream-record.ts';
import { PLATFORM } from '../../upstreams/upstream-record.ts';
import { RefreshAheadCache } from '../api/refresh-ahead-cache.ts';
import type { RouteCalls } from './route-admin.ts';

interface DirectoryParts {
  readonly routes: (owner: UpstreamOwner) => Pick<RouteCalls, 'directory' | 'report'>;
  readonly tally: CanaryTally;
  readonly cascades: CascadeTally;
  readonly clock: Clock;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

/** A route that a request names, and its owner. */
export interface FoundRoute {
  readonly owner: UpstreamOwner;
  readonly route: ServingRoute;
}

/**
 * An isolate's copy of the routes that serve, at most `routesFreshMs` old. While the object that stores them does not answer, the copy is used
 * for up to `routesStaleMs`. What was counted of canaries is reported before the routes are read again. [U98]
 */
export class RouteDirectory {
  readonly #parts: DirectoryParts;
  readonly #known: RefreshAheadCache<ReadonlyMap<string, ServingRoute>>;

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
    this.#known = new RefreshAheadCache({
      freshMs: ROUTE_LIMITS.routesFreshMs,
      refreshAfterMs: ROUTE_LIMITS.routesFreshMs / 2,
      staleMs: ROUTE_LIMITS.routesStaleMs,
      entriesMax: ROUTE_LIMITS.routeOwnersKnownMaxCount,
      bytesMax: Infinity,
      bytesOf: () => 0,
      clock: parts.clock,
      background: parts.background,
    });
  }

  /** The tenant's own route of that name, else the platform's. Undefined: there is none. Refuses with `unavailable`. */
  async find(tenantId: string, name: string): Promise<Outcome<FoundRoute | undefined>> {
    // A route's name has no slash: `upstream/model` is a model.
    if (name.includes('/')) return ok(undefined);
    const [own, platform] = await Promise.all([this.#of(tenantId), this.#of(PLATFORM)]);
    const route = own?.get(name);
    if (route !== undefined) return ok({ owner: tenantId, route });
    if (own === undefined || platform === undefined)
      return refuse('unavailable', 'it cannot be determined which routes there are: repeat the call', 'model');
    const shared = platform.get(name);
    return ok(shared === undefined ? undefined : { owner: PLATFORM, route: shared });
  }

  #of(owner: UpstreamOwner): Promise<ReadonlyMap<string, ServingRoute> | undefined> {
    return this.#known.get(owner, () => this.#read(owner));
  }

  async #read(owner: UpstreamOwner): Promise<ReadonlyMap<string, ServingRoute>> {
    const { routes, tally, cascades } = this.#parts;
    const [canaryReports, cascadeReports] = [tally.take(owner), cascades.take(owner)];
    try {
      if (canaryReports.length + cascadeReports.length > 0) await routes(owner).report(canaryReports, cascadeReports);
    } catch {
      // Dropped: a report that has arrived nonetheless would count twice.
    }
    const found = await routes(owner).directory();
    return new Map(found.map((route) => [route.name, route]));
  }
}
