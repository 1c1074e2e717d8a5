import type { Residue } from '../src/index/erasure.ts';
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
