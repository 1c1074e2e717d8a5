import type { Metric } from '../../contract/indexes/index-settings.ts';
import { must } from '../../kernel/assert.ts';
import { hasTable } from '../../kernel/sql/migrate.ts';
import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { Row } from '../stored-vector.ts';

/**
 * A field's rows up to `coded_row` are in blocks, as far as they have a vector in it. Blocks of one namespace are apart and in the order of
 * their rows; what one holds never changes, and its number is never used again. `dead`: about how many of its rows are gone. The images of
 * blocks have a table of their own, so that counting the dead does not write them again.
 */
const TABLES = `
  CREATE TABLE vector_fields (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, dimensions INTEGER NOT NULL, metric TEXT NOT NULL,
    coded_row INTEGER NOT NULL, is_built INTEGER NOT NULL);
  CREATE TABLE vector_blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, field INTEGER NOT NULL, namespace INTEGER NOT NULL, first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL, count INTEGER NOT NULL, dead INTEGER NOT NULL);
  CREATE UNIQUE INDEX vector_blocks_by_row ON vector_blocks (field, namespace, first_row);
  CREATE INDEX vector_blocks_to_mend ON vector_blocks (field) WHERE 2 * dead >= count;
  CREATE TABLE vector_images (block INTEGER PRIMARY KEY, image BLOB NOT NULL);`;

/** Namespaces whose blocks are remembered, each some dozen bytes and as many a block. */
const NAMESPACES_KNOWN_MAX = 1_000;

export interface FieldShape {
  readonly name: string;
  readonly dimensions: number;
  readonly metric: Metric;
}

/** A vector field, and how far its rows are in blocks. */
export interface StoredField extends FieldShape {
  readonly id: number;
  readonly codedRow: Row;
  /** Whether all rows have been looked at once: then few are behind `codedRow`. */
  readonly isBuilt: boolean;
}

export interface Block {
  readonly id: number;
  readonly firstRow: Row;
  readonly lastRow: Row;
  readonly count: number;
}

type FieldRow = { id: number; name: string; dimensions: number; metric: string; coded_row: number; is_built: number };
type BlockRow = { id: number; first_row: number; last_row: number; count: number };

const COLUMNS = 'id, first_row, last_row, count';
const blockOf = ({ id, first_row: firstRow, last_row: lastRow, count }: BlockRow): Block => ({ id, firstRow, lastRow, count });

/** The vector fields of a shard and the blocks of their codes. A shard that never had such fields has none of the tables. */
export class FieldBlocks {
  readonly #storage: RememberingStorage;
  readonly #fields: RememberedValue<ReadonlyMap<string, StoredField>>;
  // By field and namespace.
  readonly #known: RememberedValue<Map<string, readonly Block[]>>;

  constructor(storage: RememberingStorage) {
    this.#storage = storage;
    this.#fields = storage.remember(() => this.#readFields());
    this.#known = storage.remember(() => new Map());
  }

  /** By name. */
  get fields(): ReadonlyMap<string, StoredField> {
    return this.#fields.get();
  }

  /** `isBuilt`: there are no rows yet. */
  addField({ name, dimensions, metric }: FieldShape, isBuilt: boolean): void {
    const { sql } = this.#storage;
    if (!hasTable(this.#storage, 'vector_fields')) sql.exec(TABLES);
    const insert = 'INSERT INTO vector_fields (name, dimensions, metric, coded_row, is_built) VALUES (?, ?, ?, 0, ?)';
    sql.exec(insert, name, dimensions, metric, Number(isBuilt));
    this.#fields.forget();
  }

  dropField(field: StoredField): void {
    this.clear(field);
    this.#storage.sql.exec('DELETE FROM vector_fields WHERE id = ?', field.id);
    this.#fields.forget();
  }

  /** Rows up to this one are in blocks. */
  advance({ id }: StoredField, codedRow: Row, isBuilt: boolean): void {
    this.#storage.sql.exec('UPDATE vector_fields SET coded_row = ?, is_built = ? WHERE id = ?', codedRow, Number(isBuilt), id);
    this.#fields.forget();
  }

  /** Ascending by their rows. */
  of({ id: field }: StoredField, namespace: number): readonly Block[] {
    const known = this.#known.get();
    const key = keyOf(field, namespace);
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const query = `SELECT ${COLUMNS} FROM vector_blocks WHERE field = ? AND namespace = ? ORDER BY first_row`;
    const blocks = this.#storage.sql.exec<BlockRow>(query, field, namespace).toArray().map(blockOf);
    if (known.size >= NAMESPACES_KNOWN_MAX) known.clear();
    known.set(key, blocks);
    return blocks;
  }

  /** See `VectorPage.load`. */
  image({ id }: Block): Uint8Array<ArrayBuffer> {
    const [row] = this.#storage.sql.exec<{ image: ArrayBuffer }>('SELECT image FROM vector_images WHERE block = ?', id).toArray();
    return new Uint8Array(must(row, `block ${id} has an image`).image);
  }

  add({ id: field }: StoredField, namespace: number, { firstRow, lastRow, count }: Omit<Block, 'id'>, image: Uint8Array): void {
    const { sql } = this.#storage;
    const insert = 'INSERT INTO vector_blocks (field, namespace, first_row, last_row, count, dead) VALUES (?, ?, ?, ?, ?, 0) RETURNING id';
    const { id } = sql.exec<{ id: number }>(insert, field, namespace, firstRow, lastRow, count).one();
    sql.exec('INSERT INTO vector_images VALUES (?, ?)', id, image);
    this.#known.get().delete(keyOf(field, namespace));
  }

  remove({ id: field }: StoredField, namespace: number, blocks: readonly Block[]): void {
    for (const { id } of blocks) {
      this.#storage.sql.exec('DELETE FROM vector_blocks WHERE id = ?', id);
      this.#storage.sql.exec('DELETE FROM vector_images WHERE block = ?', id);
    }
    this.#known.get().delete(keyOf(field, namespace));
  }

  /** Counts rows that are gone as dead ones of the blocks about where they are: those without a vector in the field, too. */
  countDead({ id: field }: StoredField, namespace: number, rows: readonly Row[]): void {
    this.#storage.sql.exec(
      `UPDATE vector_blocks SET dead = dead + gone.count FROM (
         SELECT (SELECT id FROM vector_blocks WHERE field = ?1 AND namespace = ?2 AND first_row <= value ORDER BY first_row DESC LIMIT 1)
           AS block, count(*) AS count FROM json_each(?3) GROUP BY block) AS gone
       WHERE id = gone.block`,
      field,
      namespace,
      JSON.stringify(rows),
    );
  }

  /** A block of which half is dead or more, and where it is. */
  toMend({ id: field }: StoredField): { readonly namespace: number; readonly block: Block } | undefined {
    const query = `SELECT namespace, ${COLUMNS} FROM vector_blocks WHERE field = ? AND 2 * dead >= count LIMIT 1`;
    const [found] = this.#storage.sql.exec<BlockRow & { namespace: number }>(query, field).toArray();
    return found && { namespace: found.namespace, block: blockOf(found) };
  }

  /** Removes all blocks of a field. */
  clear({ id: field }: StoredField): void {
    this.#storage.sql.exec('DELETE FROM vector_images WHERE block IN (SELECT id FROM vector_blocks WHERE field = ?)', field);
    this.#storage.sql.exec('DELETE FROM vector_blocks WHERE field = ?', field);
    this.#known.forget();
  }

  #readFields(): ReadonlyMap<string, StoredField> {
    if (!hasTable(this.#storage, 'vector_fields')) return new Map();
    const rows = this.#storage.sql.exec<FieldRow>(
      'SELECT id, name, dimensions, metric, coded_row, is_built FROM vector_fields ORDER BY id',
    );
    return new Map(
      Array.from(rows, ({ id, name, dimensions, metric, coded_row: codedRow, is_built: isBuilt }) => [
        name,
        { id, name, dimensions, metric: metric as Metric, codedRow, isBuilt: isBuilt === 1 },
      ]),
    );
  }
}

const keyOf = (field: number, namespace: number): string => `${field}:${namespace}`;
