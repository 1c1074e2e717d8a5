import type { IndexManifest } from '../../ann/index-manifest.ts';
import type { KnownRoutes } from '../../ann/routing/known-routes.ts';
import type { RouteReader } from '../../ann/routing/route-reader.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { ShardCalls } from './shard-calls.ts';

/** So often a call is repeated by newer routes: more changes during one call are a defect. */
const CORRECTIONS_MAX = 8;

/**
 * The routes that this isolate knows of indexes. Old ones never give a wrong answer: shards refuse what was routed before their region
 * changed, and the call is repeated by newer ones.
 */
export class RouteCache {
  readonly #shards: Pick<ShardCalls, 'outline' | 'regions'>;
  readonly #reader: RouteReader;
  readonly #asked = new Map<string, Promise<Outcome<KnownRoutes>>>();

  constructor(shards: Pick<ShardCalls, 'outline' | 'regions'>, reader: RouteReader) {
    this.#shards = shards;
    this.#reader = reader;
  }

  /** Does `work` by the index's routes; again by newer ones when it is refused with `stale_route`. */
  async using<T>(manifest: IndexManifest, work: (routes: KnownRoutes) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    let versionMin = manifest.routeVersion ?? 0;
    let last: Outcome<T> = REORGANISED;
    for (let corrections = 0; corrections < CORRECTIONS_MAX; corrections += 1) {
      const routes = await this.#atLeast(manifest, versionMin);
      if (!routes.ok) return routes;
      const { version } = routes.value.outline;
      // A shard that does not know the index was given up; or the index was.
      if (version < versionMin && !last.ok && last.error.code === 'index_not_found') return last;
      last = await work(routes.value);
      if (last.ok || !isOutdated(last.error.code)) return last;
      versionMin = version + 1;
    }
    return REORGANISED;
  }

  async #atLeast(manifest: IndexManifest, version: number): Promise<Outcome<KnownRoutes>> {
    const known = this.#reader.remembered(manifest.id);
    if (known !== undefined && known.outline.version >= version) return ok(known);
    const asking = this.#asked.get(manifest.id);
    if (asking !== undefined) {
      const joined = await asking;
      // It may have been asked before the version was there.
      return joined.ok && joined.value.outline.version < version ? this.#atLeast(manifest, version) : joined;
    }
    const asked = this.#ask(manifest).finally(() => this.#asked.delete(manifest.id));
    this.#asked.set(manifest.id, asked);
    return asked;
  }

  #ask(manifest: IndexManifest): Promise<Outcome<KnownRoutes>> {
    return this.#reader.ask({
      indexId: manifest.id,
      outline: (known) => this.#shards.outline(manifest, known),
      regions: (district, since) => this.#shards.regions(manifest, district, since),
    });
  }
}

const isOutdated = (code: string): boolean => code === 'stale_route' || code === 'index_not_found';

const REORGANISED = refuse('unavailable', 'the index is being reorganised: repeat the call');
