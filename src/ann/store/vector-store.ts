import type { Metric, RecallTarget } from '../../contract/index-settings.ts';
import { RECALL_TARGET_DEFAULT } from '../../contract/index-settings.ts';
import { must } from '../../kernel/assert.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { insertInto, jsonParts } from '../../kernel/sql/bulk-statements.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { AccessMode, AccessState } from '../access-mode.ts';
import { encodeFloats } from '../float32.ts';
import { WHOLE, billingOf, hasCallersKey } from '../receipts.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { Billing, Repetition, ShardIdentity, UpsertBatch, Written } from '../shard-protocol.ts';
import type { Row, VectorPlace } from '../stored-vector.ts';
import { ChangeLog } from './change-log.ts';
import { ListStore } from './list-store.ts';
import { SqlitePropertyIndex } from './property-index.ts';
import { ReceiptStore } from './receipt-store.ts';
import type { RowSetEdit } from './row-sets.ts';
import { RowSets, UNLISTED } from './row-sets.ts';
import { SHARD_SCHEMA } from './shard-schema.ts';
import { VectorReader } from './vector-reader.ts';

type HeaderRow = { index_id: string; dimensions: number; metric: string; recall: number; lsn: number; count: number; next_row: number };

/**
 * The stored vectors of a shard: the source of truth, from which the engine is rebuilt. What a row holds never changes and no row is used
 * twice: an upsert of a stored vector deletes its row and writes a new one, after all others. Every write is one transaction and has the
 * LSN after that of the header it is given. Nothing is stored before `create`.
 */
export class VectorStore extends VectorReader {
  readonly #storage: SqlStorage;
  readonly receipts: ReceiptStore;
  readonly #rowSets: RowSets;
  readonly properties: SqlitePropertyIndex;
  readonly lists: ListStore;
  readonly log: ChangeLog;
  #isMigrated = false;

  constructor(storage: SqlStorage, removalsLoggedMaxCount?: number) {
    const rowSets = new RowSets(storage);
    super(storage, rowSets);
    this.#storage = storage;
    this.receipts = new ReceiptStore(storage);
    this.#rowSets = rowSets;
    this.properties = new SqlitePropertyIndex(storage);
    this.lists = new ListStore(storage, rowSets);
    this.log = new ChangeLog(storage, removalsLoggedMaxCount);
  }

  create({ indexId, dimensions, metric, recall = RECALL_TARGET_DEFAULT }: ShardIdentity): void {
    this.#storage.transactionSync(() => {
      migrate(this.#storage, SHARD_SCHEMA);
      this.#storage.sql.exec(
        'INSERT INTO shard (index_id, dimensions, metric, recall, lsn, count) VALUES (?, ?, ?, ?, 0, 0)',
        indexId,
        dimensions,
        metric,
        recall,
      );
    });
  }

  /** Undefined before `create`, and once everything was erased. */
  header(): ShardHeader | undefined {
    if (!hasTable(this.#storage, 'shard')) return undefined;
    if (!this.#isMigrated) migrate(this.#storage, SHARD_SCHEMA);
    this.#isMigrated = true;
    const row = this.#storage.sql
      .exec<HeaderRow>('SELECT index_id, dimensions, metric, recall, lsn, count, next_row FROM shard')
      .toArray()[0];
    if (row === undefined) return undefined;
    const { index_id: indexId, metric, recall, next_row: nextRow, ...rest } = row;
    return { indexId: indexId as IndexId, metric: metric as Metric, recall: recall as RecallTarget, nextRow, ...rest };
  }

  /** The access mode of the shard: all callers, until another mode is set. */
  gate(): AccessState {
    return this.#storage.sql.exec<{ gate: AccessMode; run: number }>('SELECT gate, follower_run AS run FROM shard').one();
  }

  setGate({ gate, run }: AccessState): void {
    this.#storage.sql.exec('UPDATE shard SET gate = ?, follower_run = ?', gate, run);
  }

  bytes(): number {
    return this.#storage.sql.databaseSize;
  }

  /** Undefined when the namespace holds no vector. */
  namespaceOrdinal(name: string): number | undefined {
    return this.#storage.sql.exec<{ ordinal: number }>('SELECT ordinal FROM namespaces WHERE name = ?', name).toArray()[0]?.ordinal;
  }

  namespaceCount(): number {
    return this.#storage.sql.exec<{ total: number }>('SELECT COUNT(*) AS total FROM namespaces').one().total;
  }

  /** The first `countMax` names behind one, or of all, in the order of their code points. */
  namespacesBehind(after: string | null, countMax: number): string[] {
    const found = this.#storage.sql.exec<{ name: string }>(
      'SELECT name FROM namespaces WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2',
      after,
      countMax,
    );
    return found.toArray().map(({ name }) => name);
  }

  /** Runs writes as one transaction, which a throw undoes. */
  atomically<T>(body: () => T): T {
    return this.#storage.transactionSync(body);
  }

  /** Where the stored vectors lie that a batch replaces. */
  replacedBy({ ids, namespaces }: UpsertBatch): VectorPlace[] {
    const query = `SELECT vectors.row, vectors.namespace FROM json_each(?) AS key
       JOIN namespaces ON namespaces.name = key.value ->> 0
       JOIN vectors ON vectors.namespace = namespaces.ordinal AND vectors.id = key.value ->> 1`;
    const parts = [...jsonParts(ids.map((id, i) => [namespaces[i], id]))];
    return parts.flatMap((part) => this.#storage.sql.exec<{ row: number; namespace: number }>(query, part).toArray());
  }

  /** Writes a batch that replaces those, and the receipt of its whole request; answers where each vector lies, in the batch's order. */
  upsert(
    batch: UpsertBatch,
    header: ShardHeader,
    replaced: readonly VectorPlace[],
    nowMs: number,
  ): { written: Written; places: VectorPlace[] } {
    const added = batch.ids.length;
    const lsn = header.lsn + 1;
    return this.#storage.transactionSync(() => {
      const ordinals = new Map([...new Set(batch.namespaces)].map((name) => [name, this.#internNamespace(name)]));
      const places = batch.namespaces.map((name, i): VectorPlace => {
        const namespace = must(ordinals.get(name), 'every namespace of the batch is interned');
        return { namespace, row: header.nextRow + i };
      });
      this.#deleteVectors(replaced.map(({ row }) => row));
      this.#insertVectors(batch, places, header.dimensions, lsn);
      this.#rowSets.edit(editsOf(places, replaced));
      this.#storage.sql.exec(
        'UPDATE shard SET lsn = ?, count = ?, next_row = ?',
        lsn,
        header.count + added - replaced.length,
        header.nextRow + added,
      );
      return { written: { count: added, lsn, ...this.#receiptOf(batch.repetition, header, nowMs) }, places };
    });
  }

  /** Deletes stored vectors of one namespace by row. */
  deleteRows(namespace: number, rows: readonly Row[], { lsn }: ShardHeader): Written {
    const { sql } = this.#storage;
    return this.#storage.transactionSync(() => {
      const ids = this.#deleteVectors(rows);
      if (ids.length > 0 && this.log.isFollowed) {
        const { name } = sql.exec<{ name: string }>('SELECT name FROM namespaces WHERE ordinal = ?', namespace).one();
        this.log.add(
          lsn + 1,
          ids.map((id) => ({ namespace: name, id })),
        );
      }
      this.#rowSets.edit(
        editsOf(
          [],
          rows.map((row) => ({ namespace, row })),
        ),
      );
      sql.exec('DELETE FROM namespaces WHERE ordinal = ?1 AND NOT EXISTS (SELECT 1 FROM vectors WHERE namespace = ?1)', namespace);
      sql.exec('UPDATE shard SET lsn = ?, count = count - ?', lsn + 1, rows.length);
      return { count: rows.length, lsn: lsn + 1 };
    });
  }

  /** Deletes the posting lists, too. */
  deleteAll({ lsn, count }: ShardHeader): Written {
    return this.#storage.transactionSync(() => {
      this.#storage.sql.exec('DELETE FROM vectors');
      this.#storage.sql.exec('DELETE FROM namespaces');
      this.#rowSets.clear();
      this.lists.clear();
      this.properties.clear();
      this.#storage.sql.exec('UPDATE shard SET lsn = ?, count = 0', lsn + 1);
      this.log.clear(lsn + 1);
      return { count, lsn: lsn + 1 };
    });
  }

  /** Lets the next write have a higher LSN than this one. */
  raiseLsn(lsn: number): void {
    this.#storage.sql.exec('UPDATE shard SET lsn = ?1 WHERE lsn < ?1', lsn);
  }

  /** Notes that a request is whole with the write after this header: of one that came without a key, only its gateway could ask, and does not. */
  #receiptOf(repetition: Repetition | null, { indexId, lsn }: ShardHeader, nowMs: number): { billing?: Billing } {
    if (!hasCallersKey(repetition)) return {};
    const { billing } = this.receipts.add(repetition, { ...WHOLE, lsn: lsn + 1 }, billingOf(repetition, indexId, nowMs), nowMs);
    return billing === null ? {} : { billing };
  }

  #insertVectors(
    { ids, values, metadata, texts, versions }: UpsertBatch,
    places: readonly VectorPlace[],
    dimensions: number,
    lsn: number,
  ): void {
    insertInto(
      this.#storage,
      'INSERT INTO vectors (row, namespace, id, floats, metadata, text, lsn, version)',
      places.map(({ row, namespace }, i) => [
        row,
        namespace,
        must(ids[i], 'a batch has one id a vector'),
        encodeFloats(values.subarray(i * dimensions, (i + 1) * dimensions)),
        metadata[i] ?? null,
        texts[i] ?? null,
        lsn,
        versions?.[i] ?? 0,
      ]),
    );
    this.properties.add(
      places.flatMap((place, i) => {
        const written = metadata[i] ?? null;
        return written === null ? [] : [{ ...place, metadata: written }];
      }),
    );
  }

  /** Returns the ids that existed. */
  #deleteVectors(rows: readonly Row[]): string[] {
    if (rows.length === 0) return [];
    const deleted = this.#storage.sql
      .exec<{ row: number; namespace: number; id: string; metadata: string | null }>(
        'DELETE FROM vectors WHERE row IN (SELECT value FROM json_each(?)) RETURNING row, namespace, id, metadata',
        JSON.stringify(rows),
      )
      .toArray();
    this.properties.remove(deleted.flatMap(({ metadata, row, namespace }) => (metadata === null ? [] : [{ row, namespace, metadata }])));
    return deleted.map(({ id }) => id);
  }

  #internNamespace(name: string): number {
    const known = this.namespaceOrdinal(name);
    if (known !== undefined) return known;
    return this.#storage.sql.exec<{ ordinal: number }>('INSERT INTO namespaces (name) VALUES (?) RETURNING ordinal', name).one().ordinal;
  }
}

/** New vectors are unlisted; those that are gone may have been. */
function editsOf(added: readonly VectorPlace[], removed: readonly VectorPlace[]): RowSetEdit[] {
  const edits = new Map<number, { readonly set: number; readonly added: Row[]; readonly removed: Row[] }>();
  const editOf = (set: number) => {
    const edit = edits.get(set) ?? { set, added: [], removed: [] };
    edits.set(set, edit);
    return edit;
  };
  for (const { row, namespace } of added) for (const set of [UNLISTED, namespace]) editOf(set).added.push(row);
  for (const { row, namespace } of removed) for (const set of [UNLISTED, namespace]) editOf(set).removed.push(row);
  return [...edits.values()];
}
