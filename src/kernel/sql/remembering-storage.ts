import type { SqlStorage } from './sql-storage.ts';

/** Something in memory that stands for stored rows: after `forget` it is read again. */
interface Remembered {
  forget(): void;
}

/**
 * Storage beside which memory keeps what is stored, written through by the code that writes. Memory is never ahead of storage: when a
 * transaction throws, all that is kept is forgotten. What else ends with less than was written, such as a full disk, ends the object too.
 */
export class RememberingStorage implements SqlStorage {
  readonly #storage: SqlStorage;
  readonly #remembered: Remembered[] = [];

  constructor(storage: SqlStorage) {
    this.#storage = storage;
  }

  get sql(): SqlStorage['sql'] {
    return this.#storage.sql;
  }

  transactionSync<T>(body: () => T): T {
    try {
      return this.#storage.transactionSync(body);
    } catch (defect) {
      this.forget();
      throw defect;
    }
  }

  /** A value that is read once. */
  remember<T>(read: () => T): RememberedValue<T> {
    const value = new RememberedValue(read);
    this.#remembered.push(value);
    return value;
  }

  /** Follows that rows were changed otherwise, as by erasing everything. */
  forget(): void {
    for (const remembered of this.#remembered) remembered.forget();
  }
}

/** What was read, until it is forgotten. */
export class RememberedValue<T> implements Remembered {
  readonly #read: () => T;
  #known: { readonly value: T } | undefined;

  constructor(read: () => T) {
    this.#read = read;
  }

  get(): T {
    this.#known ??= { value: this.#read() };
    return this.#known.value;
  }

  /** The same without reading it: undefined when it is not in memory. */
  get kept(): T | undefined {
    return this.#known?.value;
  }

  /** Call once the statement that writes it has returned. */
  set(value: T): void {
    this.#known = { value };
  }

  forget(): void {
    this.#known = undefined;
  }
}
