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
