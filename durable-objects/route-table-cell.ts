import type { RoutedShard, RouteTable } from '../src/ann/routing/route-table.ts';
import type { Cell } from '../src/ann/routing/shard-route.ts';

type Header = Omit<RouteTable, 'shards'>;

/** A route table in an object's storage: one value a shard, as all together outgrow a value, and only those that changed are written. */
export class RouteTableCell implements Cell<RouteTable> {
  readonly #storage: DurableObjectStorage;
  readonly #headerKey: string;
  readonly #shardPrefix: string;
  #read: { readonly table: RouteTable | undefined } | undefined;

  /** `prefix`: of its keys. */
  constructor(storage: DurableObjectStorage, prefix: string) {
    this.#storage = storage;
    this.#headerKey = `${prefix}routes`;
    this.#shardPrefix = `${prefix}routed:`;
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
    kv.put(this.#headerKey, header satisfies Header);
    for (const shard of shards) if (before.get(shard.ordinal) !== shard) kv.put(this.#keyOf(shard), shard);
    const ordinals = new Set(shards.map(({ ordinal }) => ordinal));
    for (const gone of before.values()) if (!ordinals.has(gone.ordinal)) kv.delete(this.#keyOf(gone));
    this.#read = { table };
  }

  erase(): void {
    const { kv } = this.#storage;
    for (const shard of this.get()?.shards ?? []) kv.delete(this.#keyOf(shard));
    kv.delete(this.#headerKey);
    this.#read = { table: undefined };
  }

  #keyOf({ ordinal }: RoutedShard): string {
    return `${this.#shardPrefix}${ordinal.toString().padStart(6, '0')}`;
  }

  #load(): RouteTable | undefined {
    const header = this.#storage.kv.get<Header>(this.#headerKey);
    if (header === undefined) return undefined;
    const shards = [...this.#storage.kv.list<RoutedShard>({ prefix: this.#shardPrefix })].map(([, shard]) => shard);
    return { ...header, shards };
  }
}
