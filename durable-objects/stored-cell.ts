import type { Residue } from '../src/index/erasure.ts';
import type { District, RoutedShard, RouteTable } from '../src/index/routing/route-table.ts';
import type { Cell } from '../src/index/routing/shard-route.ts';

/** One value under one key of an object's storage, read once an incarnation. */
export class StoredCell<T> implements Cell<T> {
  readonly #storage: DurableObjectStorage;
  readonly #key: string;
  #read: { readonly value: T | undefined } | undefined;

  constructor(storage: DurableObjectStorage, key: string) {
    this.#storage = storage;
    this.#key = key;
  }

  get(): T | undefined {
    this.#read ??= { value: this.#storage.kv.get<T>(this.#key) };
    return this.#read.value;
  }

  put(value: T): void {
    this.#storage.kv.put(this.#key, value);
    this.#read = { value };
  }

  erase(): void {
    this.#storage.kv.delete(this.#key);
    this.forget();
  }

  /** Before everything stored is erased. */
  forget(): void {
    this.#read = { value: undefined };
  }
}

/** Looks into an object's storage; the platform's own tables count for nothing. */
export async function residueOf(storage: DurableObjectStorage): Promise<Residue> {
  const tables = storage.sql
    .exec<{ count: number }>("SELECT COUNT(*) AS count FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
    .one().count;
  const keys = [...storage.kv.list({ limit: 1 })].length;
  return { tables, keys, hasAlarm: (await storage.getAlarm()) !== null };
}

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
