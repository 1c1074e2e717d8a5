import type { IndexManifest } from '../../ann/index-manifest.ts';
import type { ShardReplica } from '../../ann/replication/shard-member.ts';
import { replicasIn } from '../../ann/routing/replicated-routes.ts';
import type { RouteTable } from '../../ann/routing/route-table.ts';
import { Router } from '../../ann/routing/router.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';

/** A route table, ready for use. */
export interface Routes {
  readonly table: RouteTable;
  readonly router: Router;
  /** That answer reads which may be old. */
  readonly replicas: readonly ShardReplica[];
}

/** So often a call is repeated by newer routes: more changes during one call are a defect. */
const CORRECTIONS_MAX = 8;

/**
 * The route tables that this isolate asked for, one an index. An old one never gives a wrong answer: shards refuse what was routed
 * before their region changed, and the call is repeated by the newer table.
 */
export class RouteCache {
  readonly #ask: (manifest: IndexManifest) => Promise<Outcome<RouteTable>>;
  // In the order they were asked for: the oldest comes first.
  readonly #routes = new Map<string, Promise<Outcome<Routes>>>();

  constructor(ask: (manifest: IndexManifest) => Promise<Outcome<RouteTable>>) {
    this.#ask = ask;
  }

  /** Does `work` by the index's routes; again by newer ones when it is refused with `stale_route`. */
  async using<T>(manifest: IndexManifest, work: (routes: Routes) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    let versionMin = manifest.routeVersion ?? 0;
    let last: Outcome<T> = REORGANISED;
    for (let corrections = 0; corrections < CORRECTIONS_MAX; corrections += 1) {
      const routes = await this.#atLeast(manifest, versionMin);
      if (!routes.ok) return routes;
      const { version } = routes.value.table;
      // A shard that does not know the index was given up; or the index was.
      if (version < versionMin && !last.ok && last.error.code === 'index_not_found') return last;
      last = await work(routes.value);
      if (last.ok || !isOutdated(last.error.code)) return last;
      versionMin = version + 1;
    }
    return REORGANISED;
  }

  async #atLeast(manifest: IndexManifest, version: number): Promise<Outcome<Routes>> {
    const known = await this.#routes.get(manifest.id);
    if (known?.ok === true && known.value.table.version >= version) return known;
    const asked = this.#asked(manifest);
    this.#routes.delete(manifest.id);
    this.#routes.set(manifest.id, asked);
    const [oldest] = this.#routes.keys();
    if (this.#routes.size > LIMITS.routeTablesMaxCount && oldest !== undefined) this.#routes.delete(oldest);
    const routes = await asked;
    if (!routes.ok) this.#routes.delete(manifest.id);
    return routes;
  }

  async #asked(manifest: IndexManifest): Promise<Outcome<Routes>> {
    const table = await this.#ask(manifest);
    return table.ok ? ok({ table: table.value, router: new Router(table.value), replicas: replicasIn(table.value) }) : table;
  }
}

const isOutdated = (code: string): boolean => code === 'stale_route' || code === 'index_not_found';

const REORGANISED = refuse('unavailable', 'the index is being reorganised: repeat the call');
