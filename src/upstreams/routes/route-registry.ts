import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { RouteVersion } from '../../contract/routes/route-rules.ts';
import { madeBefore } from '../../contract/api/spent-key.ts';
import type { ChangedBy, WriteLease } from '../../contract/tenancy/write-lease.ts';
import { changeUnder } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { addCounts, curveOf, faded, NO_COUNTS } from '../cascade/cascade-counts.ts';
import type { CascadeReport } from '../cascade/cascade-tally.ts';
import type { CanarySettings } from '../canary/canary.ts';
import { addTally, decideCanary, NO_TALLY } from '../canary/canary.ts';
import type { NamedRoute } from '../model-rows.ts';
import type { MeasuredReuse } from '../reuse/reuse-evidence.ts';
import { addChecks, fadedChecks, NO_CHECKS } from '../reuse/reuse-evidence.ts';
import { SqliteRouteStore } from '../store/sqlite-route-store.ts';
import type { CanaryReport, MeasuredCascade, RouteEvent, RouteRecord, RouteVersionRecord, ServingRoute } from './route-record.ts';
import { canaryShare } from './route-record.ts';

/** A version to be made. Its rules have been checked. */
export interface NewRouteVersion {
  readonly name: string;
  readonly rules: RouteVersion;
  readonly comment: string;
  readonly activate: boolean;
}

export interface RouteView {
  readonly route: RouteRecord;
  readonly events: readonly RouteEvent[];
}

export interface MadeVersion {
  readonly route: RouteRecord;
  readonly version: RouteVersionRecord;
}

const NO_EVENT = { share: null, comparisons: [] } as const;

/** The routes of one owner, and what may be done with them: every change is one transaction, with a line of the route's history. [U94] */
export class RouteRegistry {
  readonly #store: SqliteRouteStore;
  readonly #clock: Clock;

  constructor(storage: SqlStorage, clock: Clock) {
    this.#store = new SqliteRouteStore(storage);
    this.#clock = clock;
  }

  /** Makes the next version of a route, and the route with its first. A version that is activated ends a canary. */
  add(next: NewRouteVersion, request: KeyedRequest | null, { actor, lease }: ChangedBy): Outcome<MadeVersion> {
    return this.#change(lease, () => {
      const nowMs = this.#clock.nowMs();
      const repeated = this.#repeated(request, nowMs);
      if (!repeated.ok) return repeated;
      if (repeated.value !== undefined) return ok(repeated.value);
      const known = this.#store.find(next.name);
      const count = this.#store.count();
      if (known === undefined && count >= ROUTE_LIMITS.routesMaxCount)
        return refuseBeyond({ limit: 'routesMaxCount', value: count + 1, what: `there are ${count} routes already` });
      const before = known ?? { name: next.name, versionsMade: 0, active: null, previous: null, canary: null, createdAtMs: nowMs };
      const made: RouteRecord = { ...before, versionsMade: before.versionsMade + 1 };
      const { name, rules, comment } = next;
      const version: RouteVersionRecord = { route: name, version: made.versionsMade, rules, comment, actor, createdAtMs: nowMs };
      this.#store.addVersion(name, version, request);
      const route = next.activate ? serving(made, version.version) : made;
      this.#store.put(route);
      this.#note(name, actor, next.activate ? 'activate' : 'create', version.version);
      this.#dropOldest(route);
      return ok({ route, version });
    });
  }

  /** Has a version serve at once, or as the canary of the one that serves. */
  activate(name: string, number: number, settings: CanarySettings | null, { actor, lease }: ChangedBy): Outcome<RouteView> {
    return this.#onRoute(name, lease, (route) => {
      if (this.#store.version(name, number) === undefined)
        return refuseResource('model_route_not_found', { kind: 'route', name }, `${name} has no version ${number}`, 'version');
      if (settings === null || route.active === null || route.active === number) {
        const isSame = route.active === number && route.canary === null;
        const changed = isSame ? route : serving(route, number);
        if (!isSame) this.#note(name, actor, 'activate', number);
        return this.#put(changed);
      }
      const state = { step: 0, stepSinceMs: this.#clock.nowMs(), stepRequests: 0 };
      const canary = { version: number, settings, state, canary: NO_TALLY, stable: NO_TALLY };
      this.#note(name, actor, 'canary', route.active, { share: canaryShare(canary), comparisons: [] });
      return this.#put({ ...route, canary });
    });
  }

  /** Ends the canary or, without one, has the version before serve again. */
  rollback(name: string, { actor, lease }: ChangedBy): Outcome<RouteView> {
    return this.#onRoute(name, lease, (route) => {
      if (route.canary === null && (route.previous === null || this.#store.version(name, route.previous) === undefined))
        return refuse('state_conflict', `${name} has no version to go back to`, 'route');
      const changed = route.canary === null ? { ...route, active: route.previous, previous: null } : { ...route, canary: null };
      this.#note(name, actor, 'rollback', changed.active);
      return this.#put(changed);
    });
  }

  remove(name: string, { lease }: ChangedBy): Outcome<null> {
    return this.#onRoute(name, lease, () => {
      this.#store.remove(name, this.#clock.nowMs());
      return ok(null);
    });
  }

  /** Adds up what an isolate counted of canaries, and decides each. What was counted of another canary than the one that runs is dropped. [U97] */
  report(canaries: readonly CanaryReport[], cascades: readonly CascadeReport[] = []): void {
    if (!this.#store.exists()) return;
    this.#store.transaction(() => {
      for (const report of canaries) this.#addCanary(report);
      for (const report of cascades) this.#addCascade(report);
    });
  }

  /**
   * Adds up what an isolate has checked of reused answers, and answers all that is known of the owner's calls: of its own routes, and of the
   * platform's. [U126]
   */
  reuses(checked: readonly MeasuredReuse[]): readonly MeasuredReuse[] {
    if (checked.length > 0) this.#store.open();
    else if (!this.#store.exists()) return [];
    return this.#store.transaction(() => {
      if (this.#store.isClosed()) return [];
      const known = new Map(this.#store.reuses().map((measured) => [measured.key, measured]));
      for (const { counts, ...subject } of checked) {
        const sum = addChecks(known.get(subject.key)?.counts ?? NO_CHECKS, counts);
        const measured = { ...subject, counts: fadedChecks(sum, subject.falseHitMax) };
        known.set(subject.key, measured);
        this.#store.putReuse(measured);
      }
      return [...known.values()];
    });
  }

  /** All routes that serve, for an isolate to decide by. */
  directory(): readonly ServingRoute[] {
    return this.#store.page('', ROUTE_LIMITS.routesMaxCount).flatMap((route) => {
      const active = route.active === null ? undefined : this.#store.version(route.name, route.active);
      if (active === undefined) return [];
      const canary = route.canary === null ? undefined : this.#store.version(route.name, route.canary.version);
      return {
        name: route.name,
        version: active.version,
        rules: active.rules,
        canary:
          canary === undefined || route.canary === null
            ? null
            : { version: canary.version, rules: canary.rules, share: canaryShare(route.canary) },
        ...(route.cascades === undefined ? {} : { curves: curvesOf(route.cascades) }),
      };
    });
  }

  /** The routes that serve, by name. */
  served(): readonly NamedRoute[] {
    return this.#store
      .page('', ROUTE_LIMITS.routesMaxCount)
      .flatMap(({ name, active, createdAtMs }) => (active === null ? [] : [{ name, createdAtMs }]));
  }

  page(after: string, count: number): readonly RouteView[] {
    return this.#store.page(after, count).map((route) => ({ route, events: this.#store.events(route.name) }));
  }

  find(name: string): RouteView | undefined {
    const route = this.#store.find(name);
    return route === undefined ? undefined : { route, events: this.#store.events(name) };
  }

  version(name: string, number: number): RouteVersionRecord | undefined {
    return this.#store.version(name, number);
  }

  versions(name: string, after: number, count: number): readonly RouteVersionRecord[] {
    return this.#store.versions(name, after, count);
  }

  /** Deletes everything and refuses later changes: the tenant is being erased (T59). */
  erase(): void {
    this.#store.eraseAndClose();
  }

  /** Adds up what an isolate counted of a cascade; of many, those that were measured last are kept. [U174] */
  #addCascade({ route: name, counts, ...cascade }: CascadeReport): void {
    const route = this.#store.find(name);
    if (route === undefined) return;
    const { cascades = [] } = route;
    const before = cascades.find(({ key }) => key === cascade.key)?.counts ?? NO_COUNTS;
    const others = cascades.filter(({ key }) => key !== cascade.key);
    const measured = { ...cascade, counts: faded(addCounts(before, counts)) };
    this.#store.put({ ...route, cascades: [...others, measured].slice(-ROUTE_LIMITS.routeCascadesMaxCount) });
  }

  /** Adds up what an isolate counted of a canary, and does what follows from it. */
  #addCanary({ route: name, canaryVersion, stableVersion, canary, stable }: CanaryReport): void {
    const route = this.#store.find(name);
    const running = route?.canary;
    if (route === undefined || running?.version !== canaryVersion || route.active !== stableVersion) return;
    const counted = { canary: addTally(running.canary, canary), stable: addTally(running.stable, stable) };
    const nowMs = this.#clock.nowMs();
    const decision = decideCanary(running.settings, running.state, { ...counted, nowMs });
    if (decision.kind === 'roll-back') {
      this.#store.put({ ...route, canary: null });
      this.#note(name, 'canary', 'rollback', route.active, { share: null, comparisons: [decision.because] });
    } else if (decision.kind === 'finish') {
      this.#store.put(serving(route, canaryVersion));
      this.#note(name, 'canary', 'finish', canaryVersion, { share: 1, comparisons: decision.comparisons });
    } else {
      this.#store.put({ ...route, canary: { ...running, ...counted, state: decision.state } });
      if (decision.kind === 'advance') this.#note(name, 'canary', 'advance', route.active, { share: decision.share, comparisons: [] });
    }
  }

  #repeated(request: KeyedRequest | null, nowMs: number): Outcome<MadeVersion | undefined> {
    const made = madeBefore(this.#store, request, nowMs);
    if (!made.ok) return made;
    if (made.value === undefined) return ok(undefined);
    const version = made.value;
    const route = this.#store.find(version.route);
    return route === undefined ? notFound(version.route) : ok({ route, version });
  }

  /** The oldest version that nothing needs makes room for a new one. */
  #dropOldest({ name, active, previous, canary }: RouteRecord): void {
    const kept = this.#store.versions(name, 0, ROUTE_LIMITS.routeVersionsMaxCount + 1);
    if (kept.length <= ROUTE_LIMITS.routeVersionsMaxCount) return;
    const needed = new Set([active, previous, canary?.version]);
    const oldest = kept.find(({ version }) => !needed.has(version));
    if (oldest !== undefined) this.#store.removeVersions(name, this.#clock.nowMs(), oldest.version);
  }

  #put(route: RouteRecord): Outcome<RouteView> {
    this.#store.put(route);
    return ok({ route, events: this.#store.events(route.name) });
  }

  #note(
    name: string,
    actor: string,
    action: RouteEvent['action'],
    version: number | null,
    numbers: Pick<RouteEvent, 'share' | 'comparisons'> = NO_EVENT,
  ): void {
    this.#store.note(name, { atMs: this.#clock.nowMs(), actor, action, version, ...numbers });
  }

  #onRoute<T>(name: string, lease: WriteLease | undefined, body: (route: RouteRecord) => Outcome<T>): Outcome<T> {
    return this.#change(lease, () => {
      const route = this.#store.find(name);
      return route === undefined ? notFound(name) : body(route);
    });
  }

  #change<T>(lease: WriteLease | undefined, body: () => Outcome<T>): Outcome<T> {
    return changeUnder(lease, this.#store, this.#clock.nowMs(), body);
  }
}

const curvesOf = (cascades: readonly MeasuredCascade[]) => Object.fromEntries(cascades.map(({ key, counts }) => [key, curveOf(counts)]));

/** A version that serves alone. */
const serving = (route: RouteRecord, version: number): RouteRecord => ({
  ...route,
  active: version,
  previous: route.active === version ? route.previous : route.active,
  canary: null,
});

const notFound = (name: string) =>
  refuseResource('model_route_not_found', { kind: 'route', name }, `there is no route ${JSON.stringify(name)}`, 'route');
