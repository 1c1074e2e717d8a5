import type { Row } from '../../ann/stored-vector.ts';
import type { RowKeys, Rows } from '../../ann/rows.ts';

/** A stored row with everything that belongs to it. */
export interface WholeRows extends Rows {
  readonly rows: readonly Row[];
  readonly versions: readonly number[];
}

/** A row that was copied to another shard and stays for a while, because queries under way may look for it in either shard. */
export interface Departing {
  readonly row: Row;
  readonly namespace: string;
  readonly id: string;
  readonly version: number;
}

/** What a shard of a grown index stores besides its vectors: which writes came too late, and which rows are being moved. */
export interface RowVersions {
  /**
   * For each: the lowest version that would be news here, by the row there is and by what was removed. A spilled copy that is to count from
   * now on is news in its own version.
   */
  newsFrom(keys: RowKeys & Pick<Rows, 'copies'>): number[];
  /** Rows older than `version` are ignored from now on, for as long as a call may be in flight. */
  bury(keys: RowKeys, version: number, nowMs: number): void;
  /** The same for all ids of a locator, for ever. */
  raiseFloor(locator: number, version: number): void;
  floors(): ReadonlyMap<number, number>;
  /** Forgets what was buried before then; answers when the oldest left was. */
  sweep(beforeMs: number): number | undefined;

  /** The first rows behind `after`. */
  wholeRows(after: Row, countMax: number, dimensions: number): WholeRows;
  /** Keys and versions of the first rows behind `after`. */
  keysBehind(after: Row, countMax: number): RowKeys & { readonly rows: readonly Row[]; readonly versions: readonly number[] };

  leave(rows: readonly Departing[], dueMs: number): void;
  /** Rows whose time has come, and still the version that left; and when the next one's time comes. */
  leaving(nowMs: number, countMax: number): { readonly due: readonly Departing[]; readonly nextMs: number | undefined };
  /** Those whose rows are still there. */
  stillThere(rows: readonly Departing[]): Departing[];
  left(rows: readonly Departing[]): void;

  /** From now on, ids that are removed are remembered. */
  beginExport(): void;
  removedBehind(after: number, countMax: number): RowKeys & { readonly positions: readonly number[] };
  /** Those of the keys that no row has. */
  absent(keys: RowKeys): RowKeys;
  endExport(): void;
}
