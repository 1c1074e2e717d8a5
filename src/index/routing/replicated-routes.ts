import type { IndexReplicas, ReplicaRoutes } from '../replicas/index-replicas.ts';
import type { ShardReplica } from '../index-manifest.ts';
import type { ReplicaRef, RoutedShard, RouteTable } from './route-table.ts';
import { receivers } from './route-table.ts';
import type { Cell } from './shard-route.ts';

/** A route table that names the replicas that answer reads: no change of routes is kept without what it means for them. */
export class ReplicatedRoutes implements Cell<RouteTable> {
  readonly #cell: Cell<RouteTable>;
  readonly #replicas: Pick<IndexReplicas, 'follow' | 'ready'>;
  readonly #now: () => number;

  constructor(cell: Cell<RouteTable>, replicas: Pick<IndexReplicas, 'follow' | 'ready'>, now: () => number) {
    this.#cell = cell;
    this.#replicas = replicas;
    this.#now = now;
  }

  get(): RouteTable | undefined {
    return this.#cell.get();
  }

  put(table: RouteTable): void {
    this.#replicas.follow(routesOf(table), this.#now());
    this.#cell.put(withReplicas(table, this.#replicas.ready));
  }

  /** Makes a new version of the table if the replicas that answer reads differ from its own. */
  publish(): void {
    const table = this.#cell.get();
    if (table === undefined || table.version === 0) return;
    const next = withReplicas(table, this.#replicas.ready);
    if (next !== table) this.#cell.put({ ...next, version: table.version + 1 });
  }
}

/** What a table means for replicas. Before the first version, the first shard is there all the same. */
export function routesOf({ version, shards }: Pick<RouteTable, 'version' | 'shards'>): ReplicaRoutes {
  const all = version === 0 ? [0] : shards.map(({ ordinal }) => ordinal);
  return { shards: new Set(all), receiving: new Set(shards.flatMap(receivers)) };
}

/** The same table when it names them already. */
function withReplicas(table: RouteTable, ready: readonly ShardReplica[]): RouteTable {
  const shards = table.shards.map((shard) => {
    const replicas = ready.flatMap(({ shard: of, replica, location }): ReplicaRef[] =>
      of === shard.ordinal ? [{ replica, location }] : [],
    );
    return JSON.stringify(replicas) === JSON.stringify(shard.replicas) ? shard : { ...shard, replicas };
  });
  return shards.every((shard, at) => shard === table.shards[at]) ? table : { ...table, shards };
}

/** The replicas that a table names. */
export const replicasIn = ({ shards }: { readonly shards: readonly Pick<RoutedShard, 'ordinal' | 'replicas'>[] }): ShardReplica[] =>
  shards.flatMap(({ ordinal, replicas }) => replicas.map((replica) => ({ shard: ordinal, ...replica })));
