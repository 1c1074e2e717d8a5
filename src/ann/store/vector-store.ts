import type { IndexFields } from '../../contract/indexes/index-fields.ts';
import { must } from '../../kernel/assert.ts';
import { jsonParts } from '../../kernel/sql/bulk-statements.ts';
import { insertColumns } from '../../kernel/sql/insert-columns.ts';
import { RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import type { AccessState } from '../access-mode.ts';
import { encodeFloats } from '../float32.ts';
import { WHOLE, billingOf, hasCallersKey } from '../receipts.ts';
import type { FieldsOver, RowContents, RowFields } from '../row-fields.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { Billing, Repetition, ShardIdentity, UpsertBatch, Written } from '../shard-protocol.ts';
import type { Row, VectorPlace } from '../stored-vector.ts';
import { ChangeLog } from './change-log.ts';
import { ListStore } from './list-store.ts';
import { Namespaces } from './namespaces.ts';
import { SqlitePropertyIndex } from './property-index.ts';
import { ReceiptStore } from './receipt-store.ts';
import { RowSets, UNLISTED, VECTORLESS } from './row-sets.ts';
import { ShardRow } from './shard-row.ts';
import { VectorReader, rowsOfIds } from './vector-reader.ts';

/**
 * The stored vectors of a shard: the source of truth, from which the engine is rebuilt. What a row holds never changes and no row is used
 * twice: an upsert of a stored vector deletes its row and writes a new one, after all others. Every write is one transaction and has the
 * LSN after that of the header it is given. Nothing is stored before `create`.
 */
export class VectorStore extends VectorReader {
  /** Transactions of what belongs to the shard go through this, so that memory never gets ahead of them. */
  readonly storage: RememberingStorage;
  readonly receipts: ReceiptStore;
  readonly #rowSets: RowSets;
  readonly #row: ShardRow;
  readonly namespaces: Namespaces;
  readonly properties: SqlitePropertyIndex;
  readonly lists: ListStore;
  readonly log: ChangeLog;
  readonly #fields: RowFields | undefined;

  /** `fieldsOver`: absent where no shard has fields. */
  constructor(unremembered: SqlStorage, removalsLoggedMaxCount?: number, fieldsOver?: FieldsOver) {
    const storage = new RememberingStorage(unremembered);
    const rowSets = new RowSets(storage);
    super(storage, rowSets);
    this.storage = storage;
    this.receipts = new ReceiptStore(storage);
    this.#rowSets = rowSets;
    this.#row = new ShardRow(storage);
    this.namespaces = new Namespaces(storage);
    this.properties = new SqlitePropertyIndex(storage);
    this.lists = new ListStore(storage, rowSets);
    this.log = new ChangeLog(storage, removalsLoggedMaxCount);
    this.#fields = fieldsOver?.(storage, this);
  }

  create(identity: ShardIdentity): void {
    this.#row.create(identity);
    this.fields?.define(identity.fields ?? {});
  }

  /** Gives its rows other fields. Repeating it changes nothing. */
  define(fields: IndexFields): void {
    if (JSON.stringify(this.header()?.fields ?? {}) === JSON.stringify(fields)) return;
    this.storage.transactionSync(() => {
      this.#row.define(fields);
      this.#fields?.define(fields);
    });
  }

  /** Undefined where the rows have none. */
  get fields(): RowFields | undefined {
    return this.header()?.fields === undefined ? undefined : must(this.#fields, 'a shard with fields has what follows them');
  }

  /** Undefined before `create`, and once everything was erased. */
  header(): ShardHeader | undefined {
    return this.#row.header;
  }

  /** The access mode of the shard: all callers, until another mode is set. */
  access(): AccessState {
    return this.#row.access;
  }

  setAccess(state: AccessState): void {
    this.#row.setAccess(state);
  }

  bytes(): number {
    return this.storage.sql.databaseSize;
  }

  /** Runs writes as one transaction, which a throw undoes. */
  atomically<T>(body: () => T): T {
    return this.storage.transactionSync(body);
  }

  /** Where the stored vectors lie that a batch replaces. */
  replacedBy({ ids, namespaces }: UpsertBatch): VectorPlace[] {
    const [name = ''] = namespaces;
    if (namespaces.every((other) => other === name)) {
      const namespace = this.namespaces.ordinalOf(name);
      return namespace === undefined ? [] : Array.from(rowsOfIds(this.storage, namespace, ids), ({ row }) => ({ row, namespace }));
    }
    const query = `SELECT vectors.row, vectors.namespace FROM json_each(?) AS key
       JOIN namespaces ON namespaces.name = key.value ->> 0
       JOIN vectors ON vectors.namespace = namespaces.ordinal AND vectors.id = key.value ->> 1`;
    const parts = [...jsonParts(ids.map((id, i) => [namespaces[i], id]))];
    return parts.flatMap((part) => this.storage.sql.exec<{ row: number; namespace: number }>(query, part).toArray());
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
    return this.storage.transactionSync(() => {
      const ordinals = new Map([...new Set(batch.namespaces)].map((name) => [name, this.namespaces.intern(name)]));
      const places = batch.namespaces.map((name, i): VectorPlace => {
        const namespace = must(ordinals.get(name), 'every namespace of the batch is interned');
        return { namespace, row: header.nextRow + i };
      });
      this.#deleteVectors(replaced.map(({ row }) => row));
      this.#insertVectors(batch, places, header.dimensions, lsn);
      this.fields?.remove(replaced);
      this.fields?.put(contentsAt(batch, places));
      this.#editRowSets(places, replaced, batch.vectorless);
      this.#row.advance({ lsn, count: header.count + added - replaced.length, nextRow: header.nextRow + added });
      return { written: { count: added, lsn, ...this.#receiptOf(batch.repetition, header, nowMs) }, places };
    });
  }

  /** Deletes stored vectors of one namespace by row. */
  deleteRows(namespace: number, rows: readonly Row[], { lsn, count, nextRow }: ShardHeader): Written {
    return this.storage.transactionSync(() => {
      const ids = this.#deleteVectors(rows);
      const places = rows.map((row) => ({ namespace, row }));
      this.fields?.remove(places);
      if (ids.length > 0 && this.log.isFollowed) {
        const name = this.namespaces.nameOf(namespace);
        this.log.add(
          lsn + 1,
          ids.map((id) => ({ namespace: name, id })),
        );
      }
      this.#editRowSets([], places);
      this.namespaces.dropIfEmpty(namespace);
      this.#row.advance({ lsn: lsn + 1, count: count - rows.length, nextRow });
      return { count: rows.length, lsn: lsn + 1 };
    });
  }

  /** Deletes the posting lists, too. */
  deleteAll({ lsn, count, nextRow }: ShardHeader): Written {
    return this.storage.transactionSync(() => {
      this.storage.sql.exec('DELETE FROM vectors');
      this.namespaces.clear();
      this.#rowSets.clear();
      this.lists.clear();
      this.properties.clear();
      this.fields?.clear();
      this.#row.advance({ lsn: lsn + 1, count: 0, nextRow });
      this.log.clear(lsn + 1);
      return { count, lsn: lsn + 1 };
    });
  }

  /** Lets the next write have a higher LSN than this one. */
  raiseLsn(lsn: number): void {
    const header = this.#row.header;
    if (header !== undefined && header.lsn < lsn) this.#row.advance({ ...header, lsn });
  }

  /** Notes that a request is whole with the write after this header: of one that came without a key, only its gateway could ask, and does not. */
  #receiptOf(repetition: Repetition | null, { indexId, lsn }: ShardHeader, nowMs: number): { billing?: Billing } {
    if (!hasCallersKey(repetition)) return {};
    const { billing } = this.receipts.add(repetition, { ...WHOLE, lsn: lsn + 1 }, billingOf(repetition, indexId, nowMs), nowMs);
    return billing === null ? {} : { billing };
  }

  /** New vectors are unlisted; those that are gone may have been. */
  #editRowSets(added: readonly VectorPlace[], removed: readonly VectorPlace[], vectorless: readonly boolean[] = []): void {
    const edits = new Map<number, { readonly set: number; readonly added: Row[]; readonly removed: Row[] }>();
    const editOf = (set: number): { readonly added: Row[]; readonly removed: Row[] } => {
      const edit = edits.get(set) ?? { set, added: [], removed: [] };
      edits.set(set, edit);
      return edit;
    };
    for (const [i, { row, namespace }] of added.entries())
      for (const set of [vectorless[i] === true ? VECTORLESS : UNLISTED, namespace]) editOf(set).added.push(row);
    const others = this.#rowSets.vectorlessCount === 0 ? [UNLISTED] : [UNLISTED, VECTORLESS];
    for (const { row, namespace } of removed) for (const set of [...others, namespace]) editOf(set).removed.push(row);
    this.#rowSets.edit([...edits.values()]);
  }

  #insertVectors(
    { ids, values, vectorless, metadata, texts, contents = [], copies = [], versions }: UpsertBatch,
    places: readonly VectorPlace[],
    dimensions: number,
    lsn: number,
  ): void {
    insertColumns(this.storage, 'vectors', ids.length, {
      row: { kind: 'counted', first: places[0]?.row ?? 0 },
      namespace: { kind: 'each', values: places.map(({ namespace }) => namespace) },
      id: { kind: 'each', values: ids },
      floats: {
        kind: 'blobs',
        bytes: encodeFloats(values),
        bytesEach: 4 * dimensions,
        ...(vectorless === undefined ? {} : { isVoid: vectorless }),
      },
      metadata: { kind: 'texts', values: metadata },
      text: { kind: 'texts', values: texts },
      contents: contents.length === 0 ? { kind: 'same', value: null } : { kind: 'texts', values: contents },
      copy: copies.length === 0 ? { kind: 'same', value: 0 } : { kind: 'each', values: copies.map(Number) },
      lsn: { kind: 'same', value: lsn },
      version: versions === undefined ? { kind: 'same', value: 0 } : { kind: 'each', values: versions },
    });
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
    const deleted = this.storage.sql
      .exec<{ row: number; namespace: number; id: string; metadata: string | null }>(
        'DELETE FROM vectors WHERE row IN (SELECT value FROM json_each(?)) RETURNING row, namespace, id, metadata',
        JSON.stringify(rows),
      )
      .toArray();
    this.properties.remove(deleted.flatMap(({ metadata, row, namespace }) => (metadata === null ? [] : [{ row, namespace, metadata }])));
    return deleted.map(({ id }) => id);
  }
}

/** What the rows of a batch hold, but for spilled copies. */
const contentsAt = ({ contents, texts, copies }: UpsertBatch, places: readonly VectorPlace[]): RowContents[] =>
  places.flatMap((place, i) => (copies?.[i] === true ? [] : [{ ...place, contents: contents?.[i] ?? null, text: texts[i] ?? null }]));
