import type { RememberedValue, RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { ChangeCursor, Standing } from './change-log.ts';

/** Part of a shard's schema: one row in a replica, none in other shards. */
export const FOLLOWER_TABLE =
  'CREATE TABLE following (only INTEGER PRIMARY KEY CHECK (only = 1), primary_name TEXT NOT NULL, lsn INTEGER, row INTEGER, complete_lsn INTEGER);';

/** Later: which callers it refuses, as its primary does. */
export const FOLLOWER_STANDING = `
  ALTER TABLE following ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE following ADD COLUMN is_closed INTEGER NOT NULL DEFAULT 0;`;

/** The stored state of a replica. */
export interface FollowerState extends Standing {
  /** The object name of the shard that it follows. */
  readonly primary: string;
  /** Null at first, and whenever everything has to be copied again. */
  readonly cursor: ChangeCursor | null;
  /** It has every write up to this LSN; null while it copies, when it answers nothing. */
  readonly completeLsn: number | null;
}

type StateRow = {
  primary_name: string;
  lsn: number | null;
  row: number | null;
  complete_lsn: number | null;
  since: number;
  is_closed: number;
};

/** The primary that a replica follows and how far it has got: kept in one transaction with what it is about. */
export class FollowerStore {
  readonly #storage: RememberingStorage;
  readonly #known: RememberedValue<FollowerState | undefined>;

  constructor(storage: RememberingStorage) {
    this.#storage = storage;
    this.#known = storage.remember(() => this.#read());
  }

  /** Undefined where the shard is no replica. */
  get(): FollowerState | undefined {
    return this.#known.get();
  }

  put(state: FollowerState): void {
    const { primary, cursor, completeLsn, since, isClosed } = state;
    this.#storage.sql.exec(
      'INSERT OR REPLACE INTO following (only, primary_name, lsn, row, complete_lsn, since, is_closed) VALUES (1, ?, ?, ?, ?, ?, ?)',
      primary,
      cursor?.lsn ?? null,
      cursor?.row ?? null,
      completeLsn,
      since,
      Number(isClosed),
    );
    this.#known.set({ primary, cursor, completeLsn, since, isClosed });
  }

  #read(): FollowerState | undefined {
    const found = this.#storage.sql
      .exec<StateRow>('SELECT primary_name, lsn, row, complete_lsn, since, is_closed FROM following')
      .toArray()[0];
    if (found === undefined) return undefined;
    const { primary_name: primary, lsn, row, complete_lsn: completeLsn, since, is_closed: isClosed } = found;
    return { primary, cursor: lsn === null || row === null ? null : { lsn, row }, completeLsn, since, isClosed: isClosed === 1 };
  }
}
