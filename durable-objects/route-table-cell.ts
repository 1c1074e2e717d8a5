import type { District, RoutedShard, RouteTable } from '../src/index/routing/route-table.ts';
import type { Cell } from '../src/index/routing/shard-route.ts';

type Header = Omit<RouteTable, 'shards' | 'districts'>;

/**
 * A routing table in an object's storage: one value for each shard and each shard group, as all together exceed the limit of a value, and
 * only those that changed are written.
 */
export class RouteTableCell implements Cell<RouteTable> {
  readonly #storage: DurableObjectStorage;
  readonly #headerKey: string;
  readonly #shardPrefix: string;
  readonly #districtPrefix: string;
  #read: { readonly table: RouteTable | undefined } | undefined;

  /** `prefix`: of its keys. */
  constructor(storage: DurableObjectStorage, prefix: string) {
    this.#storage = storage;
    this.#headerKey = `${prefix}routes`;
    this.#shardPrefix = `${prefix}routed:`;
    this.#districtPrefix = `${prefix}district:`;
  }

  get(): RouteTable | undefined {
    this.#read ??= { table: this.#load() };
    return this.#read.table;
  }

  /** One transaction: nothing is awaited in between. */
  put(table: RouteTable): void {
    const { shards: _, districts: __, ...header } = table;
    const { kv } = this.#storage;
    const [before, after] = [this.#valuesOf(this.get()), this.#valuesOf(table)];
    kv.put(this.#headerKey, header satisfies Header);
    for (const [key, value] of after) if (before.get(key) !== value) kv.put(key, value);
    for (const key of before.keys()) if (!after.has(key)) kv.delete(key);
    this.#read = { table };
  }

  erase(): void {
    const { kv } = this.#storage;
    for (const key of this.#valuesOf(this.get()).keys()) kv.delete(key);
    kv.delete(this.#headerKey);
    this.#read = { table: undefined };
  }

  #valuesOf(table: RouteTable | undefined): Map<string, RoutedShard | District> {
    const shards = (table?.shards ?? []).map((shard) => [keyOf(this.#shardPrefix, shard.ordinal), shard] as const);
    const districts = (table?.districts ?? []).map((district) => [keyOf(this.#districtPrefix, district.number), district] as const);
    return new Map<string, RoutedShard | District>([...shards, ...districts]);
  }

  #load(): RouteTable | undefined {
    const { kv } = this.#storage;
    const header = kv.get<Header>(this.#headerKey);
    if (header === undefined) return undefined;
    const shards = [...kv.list<RoutedShard>({ prefix: this.#shardPrefix })].map(([, shard]) => shard);
    const districts = [...kv.list<District>({ prefix: this.#districtPrefix })].map(([, district]) => district);
    // Tables of before there were margins have none until the next split.
    return { ...header, margin: header.margin ?? 0, shards, ...(districts.length === 0 ? {} : { districts }) };
  }
}

const keyOf = (prefix: string, number: number): string => `${prefix}${number.toString().padStart(6, '0')}`;
