import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';

/** Ordinals in memory: a namespace that is not among those used last costs one statement. */
const KNOWN_MAX = 1_024;

/** The namespaces that hold vectors: their names and the ordinals under which vectors are stored. */
export class Namespaces {
  readonly #storage: RememberingStorage;
  readonly #known: RememberedValue<Map<string, number>>;

  constructor(storage: RememberingStorage) {
    this.#storage = storage;
    this.#known = storage.remember(() => new Map());
  }

  get count(): number {
    return this.#storage.sql.exec<{ total: number }>('SELECT COUNT(*) AS total FROM namespaces').one().total;
  }

  /** Undefined when the namespace holds no vector. */
  ordinalOf(name: string): number | undefined {
    const known = this.#known.get().get(name);
    if (known !== undefined) return known;
    const [found] = this.#storage.sql.exec<{ ordinal: number }>('SELECT ordinal FROM namespaces WHERE name = ?', name).toArray();
    if (found !== undefined) this.#remember(name, found.ordinal);
    return found?.ordinal;
  }

  /** The ordinal of a namespace that is about to hold a vector. */
  intern(name: string): number {
    const known = this.ordinalOf(name);
    if (known !== undefined) return known;
    const { ordinal } = this.#storage.sql
      .exec<{ ordinal: number }>('INSERT INTO namespaces (name) VALUES (?) RETURNING ordinal', name)
      .one();
    this.#remember(name, ordinal);
    return ordinal;
  }

  nameOf(ordinal: number): string {
    return this.#storage.sql.exec<{ name: string }>('SELECT name FROM namespaces WHERE ordinal = ?', ordinal).one().name;
  }

  /** The first `countMax` names behind one, or of all, in the order of their code points. */
  behind(after: string | null, countMax: number): string[] {
    const found = this.#storage.sql.exec<{ name: string }>(
      'SELECT name FROM namespaces WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2',
      after,
      countMax,
    );
    return found.toArray().map(({ name }) => name);
  }

  /** Forgets a namespace if it holds no vector any more: its ordinal may be another's later. */
  dropIfEmpty(ordinal: number): void {
    const dropped = this.#storage.sql.exec<{ name: string }>(
      'DELETE FROM namespaces WHERE ordinal = ?1 AND NOT EXISTS (SELECT 1 FROM vectors WHERE namespace = ?1) RETURNING name',
      ordinal,
    );
    for (const { name } of dropped.toArray()) this.#known.get().delete(name);
  }

  clear(): void {
    this.#storage.sql.exec('DELETE FROM namespaces');
    this.#known.forget();
  }

  #remember(name: string, ordinal: number): void {
    const known = this.#known.get();
    const [oldest] = known.keys();
    if (known.size >= KNOWN_MAX && oldest !== undefined) known.delete(oldest);
    known.set(name, ordinal);
  }
}
