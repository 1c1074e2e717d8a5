/** A value SQLite stores or returns. BLOBs come back as ArrayBuffer. */
export type SqlValue = string | number | null | ArrayBuffer;

export type SqlRow = Record<string, SqlValue>;

export interface SqlCursor<Row extends SqlRow> extends Iterable<Row> {
  toArray(): Row[];
  one(): Row;
  readonly rowsWritten: number;
}

/** What a store needs of SQLite. `ctx.storage` of a Durable Object satisfies it structurally. */
export interface SqlStorage {
  readonly sql: {
    exec<Row extends SqlRow>(query: string, ...bindings: (SqlValue | ArrayBufferView)[]): SqlCursor<Row>;
    readonly databaseSize: number;
  };
  /** Runs `body` in one transaction; a throw rolls it back. `body` must be synchronous. */
  transactionSync<T>(body: () => T): T;
}
