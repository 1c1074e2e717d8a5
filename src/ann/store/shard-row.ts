import type { IndexFields } from '../../contract/indexes/index-fields.ts';
import type { Metric, RecallTarget } from '../../contract/indexes/index-settings.ts';
import { RECALL_TARGET_DEFAULT } from '../../contract/indexes/index-settings.ts';
import { must } from '../../kernel/assert.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { hasTable, migrate } from '../../kernel/sql/migrate.ts';
import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { AccessMode, AccessState } from '../access-mode.ts';
import type { ShardHeader } from '../shard-header.ts';
import type { ShardIdentity } from '../shard-protocol.ts';
import { SHARD_SCHEMA } from './shard-schema.ts';

type StoredRow = {
  index_id: string;
  dimensions: number;
  metric: string;
  recall: number;
  fields: string | null;
  lsn: number;
  count: number;
  next_row: number;
  gate: AccessMode;
  follower_run: number;
};

interface Known {
  readonly header: ShardHeader;
  readonly access: AccessState;
}

/** The one row that says what a shard is, where it stands and who may call it: read once, as every call needs it. */
export class ShardRow {
  readonly #storage: RememberingStorage;
  readonly #known: RememberedValue<Known | undefined>;

  constructor(storage: RememberingStorage) {
    this.#storage = storage;
    this.#known = storage.remember(() => this.#read());
  }

  /** Undefined before `create`, and once everything was erased. */
  get header(): ShardHeader | undefined {
    return this.#known.get()?.header;
  }

  /** All callers, until another mode is set. */
  get access(): AccessState {
    return this.#stored.access;
  }

  create({ indexId, dimensions, metric, recall = RECALL_TARGET_DEFAULT, fields }: ShardIdentity): void {
    this.#storage.transactionSync(() => {
      migrate(this.#storage, SHARD_SCHEMA);
      this.#storage.sql.exec(
        'INSERT INTO shard (index_id, dimensions, metric, recall, fields, lsn, count) VALUES (?, ?, ?, ?, ?, 0, 0)',
        indexId,
        dimensions,
        metric,
        recall,
        jsonOf(fields),
      );
    });
    this.#known.forget();
  }

  /** Gives the shard other fields, in the transaction of those who follow them. */
  define(fields: IndexFields): void {
    this.#storage.sql.exec('UPDATE shard SET fields = ?', jsonOf(fields));
    this.#known.forget();
  }

  setAccess(access: AccessState): void {
    this.#storage.sql.exec('UPDATE shard SET gate = ?, follower_run = ?', access.mode, access.fencingToken);
    this.#known.set({ ...this.#stored, access });
  }

  /** Follows a write, in its transaction. */
  advance({ lsn, count, nextRow }: Pick<ShardHeader, 'lsn' | 'count' | 'nextRow'>): void {
    this.#storage.sql.exec('UPDATE shard SET lsn = ?, count = ?, next_row = ?', lsn, count, nextRow);
    const { header, access } = this.#stored;
    this.#known.set({ header: { ...header, lsn, count, nextRow }, access });
  }

  get #stored(): Known {
    return must(this.#known.get(), 'the shard is open');
  }

  #read(): Known | undefined {
    if (!hasTable(this.#storage, 'shard')) return undefined;
    migrate(this.#storage, SHARD_SCHEMA);
    const row = this.#storage.sql
      .exec<StoredRow>('SELECT index_id, dimensions, metric, recall, fields, lsn, count, next_row, gate, follower_run FROM shard')
      .toArray()[0];
    if (row === undefined) return undefined;
    const { dimensions, lsn, count } = row;
    const identity = { indexId: row.index_id as IndexId, dimensions, metric: row.metric as Metric, recall: row.recall as RecallTarget };
    const fields = row.fields === null ? {} : { fields: JSON.parse(row.fields) as IndexFields };
    return {
      header: { ...identity, ...fields, lsn, count, nextRow: row.next_row },
      access: { mode: row.gate, fencingToken: row.follower_run },
    };
  }
}

/** Null where there are none. */
const jsonOf = (fields: IndexFields = {}): string | null => (Object.keys(fields).length === 0 ? null : JSON.stringify(fields));
