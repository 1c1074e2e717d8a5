import type { RoutedShard, RouteTable } from '../src/ann/routing/route-table.ts';
import type { Cell } from '../src/ann/routing/shard-route.ts';

type Header = Omit<RouteTable, 'shards'>;

const SHARD_PREFIX = 'routed:';
const keyOf = ({ ordinal }: RoutedShard): string => `${SHARD_PREFIX}${ordinal.toString().padStart(6, '0')}`;

/** A route table in an object's storage: one value a shard, as all together outgrow a value, and only those that changed are written. */
export class RouteTableCell implements Cell<RouteTable> {
  readonly #storage: DurableObjectStorage;
  #read: { readonly table: RouteTable | undefined } | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  get(): RouteTable | undefined {
    this.#read ??= { table: this.#load() };
    return this.#read.table;
  }

  /** One transaction: nothing is awaited in between. */
  put(table: RouteTable): void {
    const { shards, ...header } = table;
    const before = new Map((this.get()?.shards ?? []).map((shard) => [shard.ordinal, shard]));
    const { kv } = this.#storage;
    kv.put('routes', header satisfies Header);
    for (const shard of shards) if (before.get(shard.ordinal) !== shard) kv.put(keyOf(shard), shard);
    const ordinals = new Set(shards.map(({ ordinal }) => ordinal));
    for (const gone of before.values()) if (!ordinals.has(gone.ordinal)) kv.delete(keyOf(gone));
    this.#read = { table };
  }

  /** Before everything stored is erased. */
  forget(): void {
    this.#read = { table: undefined };
  }

  #load(): RouteTable | undefined {
    const header = this.#storage.kv.get<Header>('routes');
    if (header === undefined) return undefined;
    const shards = [...this.#storage.kv.list<RoutedShard>({ prefix: SHARD_PREFIX })].map(([, shard]) => shard);
    return { ...header, shards };
  }
}
