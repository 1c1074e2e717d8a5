import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { ChangedBy } from '../src/contract/write-lease.ts';
import type { KeyedRequest } from '../src/kernel/sql/spent-keys.ts';
import type { NamedRoute } from '../src/upstreams/model-rows.ts';
import type { CascadeReport } from '../src/upstreams/cascade/cascade-tally.ts';
import type { CanarySettings } from '../src/upstreams/canary/canary.ts';
import type { MeasuredReuse } from '../src/upstreams/reuse/reuse-evidence.ts';
import type { CanaryReport, RouteVersionRecord, ServingRoute } from '../src/upstreams/routes/route-record.ts';
import type { MadeVersion, NewRouteVersion, RouteView } from '../src/upstreams/routes/route-registry.ts';
import { RouteRegistry } from '../src/upstreams/routes/route-registry.ts';
import { systemClock } from './system-time.ts';

/** The routes of one owner: of a tenant, or of the platform. See `RouteRegistry`. */
export class RouteObject extends DurableObject {
  readonly #registry = new RouteRegistry(this.ctx.storage, systemClock);

  add(next: NewRouteVersion, request: KeyedRequest | null, by: ChangedBy): Outcome<MadeVersion> {
    return this.#registry.add(next, request, by);
  }

  activate(name: string, version: number, canary: CanarySettings | null, by: ChangedBy): Outcome<RouteView> {
    return this.#registry.activate(name, version, canary, by);
  }

  rollback(name: string, by: ChangedBy): Outcome<RouteView> {
    return this.#registry.rollback(name, by);
  }

  remove(name: string, by: ChangedBy): Outcome<null> {
    return this.#registry.remove(name, by);
  }

  report(canaries: readonly CanaryReport[], cascades: readonly CascadeReport[]): void {
    this.#registry.report(canaries, cascades);
  }

  reuses(checked: readonly MeasuredReuse[]): readonly MeasuredReuse[] {
    return this.#registry.reuses(checked);
  }

  directory(): readonly ServingRoute[] {
    return this.#registry.directory();
  }

  served(): readonly NamedRoute[] {
    return this.#registry.served();
  }

  page(after: string, count: number): readonly RouteView[] {
    return this.#registry.page(after, count);
  }

  find(name: string): RouteView | null {
    return this.#registry.find(name) ?? null;
  }

  version(name: string, version: number): RouteVersionRecord | null {
    return this.#registry.version(name, version) ?? null;
  }

  versions(name: string, after: number, count: number): readonly RouteVersionRecord[] {
    return this.#registry.versions(name, after, count);
  }

  /** Deletes everything; later writes are refused. */
  erase(): void {
    this.#registry.erase();
  }
}
