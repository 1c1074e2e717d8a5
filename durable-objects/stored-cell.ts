import type { Residue } from '../src/index/erasure.ts';
import type { ShardGroup, RoutedShard, RouteTable } from '../src/index/routing/route-table.ts';
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

type Header = Omit<RouteTable, 'shards' | 'groups'>;

/**
 * A routing table in an object's storage: one value for each shard and each shard group, as all together exceed the limit of a value, and
 * only those that changed are written.
 */
export class RouteTableCell implements Cell<RouteTable> {
  readonly #storage: DurableObjectStorage;
  readonly #headerKey: string;
  readonly #shardPrefix: string;
  readonly #groupPrefix: string;
  #read: { readonly table: RouteTable | undefined } | undefined;

  /** `prefix`: of its keys. */
  constructor(storage: DurableObjectStorage, prefix: string) {
    this.#storage = storage;
    this.#headerKey = `${prefix}routes`;
    this.#shardPrefix = `${prefix}routed:`;
    this.#groupPrefix = `${prefix}district:`;
  }

  get(): RouteTable | undefined {
    this.#read ??= { table: this.#load() };
    return this.#read.table;
  }

  /** One transaction: nothing is awaited in between. */
  put(table: RouteTable): void {
    const { shards: _, groups: __, ...header } = table;
    const { kv } = this.#storage;
    const [before, after] = [this.#valuesOf(this.get()), this.#valuesOf(table)];
    kv.put(this.#headerKey, header satisfies Header);
    for (const [key, value] of after) if (before.get(key) !== value) kv.put(key, stored(value));
    for (const key of before.keys()) if (!after.has(key)) kv.delete(key);
    this.#read = { table };
  }

  erase(): void {
    const { kv } = this.#storage;
    for (const key of this.#valuesOf(this.get()).keys()) kv.delete(key);
    kv.delete(this.#headerKey);
    this.#read = { table: undefined };
  }

  #valuesOf(table: RouteTable | undefined): Map<string, RoutedShard | ShardGroup> {
    const shards = (table?.shards ?? []).map((shard) => [keyOf(this.#shardPrefix, shard.ordinal), shard] as const);
    const groups = (table?.groups ?? []).map((group) => [keyOf(this.#groupPrefix, group.number), group] as const);
    return new Map<string, RoutedShard | ShardGroup>([...shards, ...groups]);
  }

  #load(): RouteTable | undefined {
    const { kv } = this.#storage;
    const header = kv.get<Header>(this.#headerKey);
    if (header === undefined) return undefined;
    const shards = [...kv.list<StoredShard>({ prefix: this.#shardPrefix })].map(([, shard]) => loaded(shard));
    const groups = [...kv.list<ShardGroup>({ prefix: this.#groupPrefix })].map(([, group]) => group);
    // Tables of before there were margins have none until the next split.
    return { ...header, margin: header.margin ?? 0, shards, ...(groups.length === 0 ? {} : { groups }) };
  }
}

const keyOf = (prefix: string, number: number): string => `${prefix}${number.toString().padStart(6, '0')}`;

/** A shard as stored: the number of its shard group is called `district`, as are the keys of groups, since before groups had their name. */
type StoredShard = Omit<RoutedShard, 'group'> & { readonly district?: number };

function stored(value: RoutedShard | ShardGroup): StoredShard | ShardGroup {
  if (!('ordinal' in value)) return value;
  const { group, ...shard } = value;
  return group === undefined ? shard : { ...shard, district: group };
}

const loaded = ({ district, ...shard }: StoredShard): RoutedShard => (district === undefined ? shard : { ...shard, group: district });
