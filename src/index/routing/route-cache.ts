import type { IndexManifest } from '../index-manifest.ts';
import type { KnownRoutes } from './known-routes.ts';
import type { RouteReader } from './route-reader.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../../contract/api/shared-work.ts';
import type { Clock } from '../../kernel/clock.ts';
import { err, ok } from '../../kernel/result.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { RegionPage, RoutingSummary } from './routing-summary.ts';

/** How often a call is repeated by newer routes: more changes during one call are a defect. */
const CORRECTIONS_MAX = 8;

/** The objects of indexes; see `RouteSource`. */
export interface RouteCalls {
  /** The current state, for a caller that has an earlier version. */
  routingSummary(manifest: IndexManifest, known: number): Promise<Outcome<RoutingSummary>>;
  regions(manifest: IndexManifest, group: number, since: number): Promise<Outcome<RegionPage>>;
}

/**
 * The routes of indexes that this isolate caches. Old ones never give a wrong answer: shards refuse what was routed before their region
 * changed, and the call is repeated by newer ones.
 */
export class RouteCache {
  readonly #shards: RouteCalls;
  readonly #reader: RouteReader;
  readonly #asked: SharedWork<Outcome<KnownRoutes>>;

  constructor(shards: RouteCalls, reader: RouteReader, sharing: { readonly clock: Clock; readonly wakeUps: WakeUps }) {
    this.#shards = shards;
    this.#reader = reader;
    this.#asked = new SharedWork({ ...sharing, bounds: SHARED_WORK_BOUNDS });
  }

  /** Does `work` by the index's routes; again by newer ones when it is refused with `stale_route`. */
  async using<T>(manifest: IndexManifest, work: (routes: KnownRoutes) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    let versionMin = manifest.routeVersion ?? 0;
    let last: Outcome<T> = REORGANISED;
    for (let corrections = 0; corrections < CORRECTIONS_MAX; corrections += 1) {
      const routes = await this.#atLeast(manifest, versionMin);
      if (!routes.ok) return routes;
      const { version } = routes.value.summary;
      // A shard that does not know the index was given up; or the index was.
      if (version < versionMin && !last.ok && last.error.code === 'index_not_found') return last;
      last = await work(routes.value);
      if (last.ok || !isOutdated(last.error.code)) return last;
      versionMin = version + 1;
    }
    return REORGANISED;
  }

  async #atLeast(manifest: IndexManifest, version: number): Promise<Outcome<KnownRoutes>> {
    const waitBudget = this.#asked.waitBudget();
    for (;;) {
      const known = this.#reader.remembered(manifest.id);
      if (known !== undefined && known.summary.version >= version) return ok(known);
      const asked = await this.#asked.run(manifest.id, () => this.#ask(manifest), waitBudget);
      if (!asked.ok) return err(sharedRefusal(asked.error, 'the routes of the index, which another request asks for,'));
      const { value: routes, isLeader } = asked.value;
      // The result of another request's call may predate that version.
      if (isLeader || !routes.ok || routes.value.summary.version >= version) return routes;
    }
  }

  #ask(manifest: IndexManifest): Promise<Outcome<KnownRoutes>> {
    return this.#reader.ask({
      indexId: manifest.id,
      routingSummary: (known) => this.#shards.routingSummary(manifest, known),
      regions: (group, since) => this.#shards.regions(manifest, group, since),
    });
  }
}

const isOutdated = (code: string): boolean => code === 'stale_route' || code === 'index_not_found';

const REORGANISED = refuse('unavailable', 'the index is being resharded; retry');
