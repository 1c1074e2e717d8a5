import type { RowSet } from './filter/row-set.ts';
import type { PropertyIndex } from './filter/select-rows.ts';
import type { ListingStart } from './id-order.ts';
import type { GateState } from './access-mode.ts';
import type { ListStore } from './lists/list-store.ts';
import type { KeyedReceipt, Receipt, ReceiptPage } from './receipts.ts';
import type { ChangeLog } from './replication/change-log.ts';
import type { ShardHeader } from './shard-header.ts';
import type { Include, Repetition, ShardIdentity, UpsertBatch, VectorColumns, Written } from './shard-protocol.ts';
import type { ReadVectors, Row } from './vector-engine.ts';

/** Where a vector is stored: the row of its data and the ordinal of its namespace. */
export interface VectorPlace {
  readonly row: Row;
  readonly namespace: number;
}

/** A row and the id of its vector. */
export type PlacedId = { readonly row: Row; readonly id: string };

export interface PlacedVector extends VectorPlace {
  readonly values: Float32Array;
}

/**
 * The stored vectors of a shard: the source of truth, from which the engine is rebuilt. What a row holds never changes and no row is used
 * twice: an upsert of a stored vector deletes its row and writes a new one, after all others. Every write is one transaction and has the
 * LSN after that of the header it is given. Nothing is stored before `create`.
 */
export interface VectorStore {
  create(identity: ShardIdentity): void;
  /** Undefined before `create`, and once everything was erased. */
  header(): ShardHeader | undefined;
  bytes(): number;
  /** The access mode of the shard: all callers, until another mode is set. */
  gate(): GateState;
  setGate(state: GateState): void;
  /** The properties in the metadata of the vectors. */
  readonly properties: PropertyIndex;
  readonly lists: ListStore;
  readonly log: ChangeLog;
  namespaceCount(): number;
  /** The first `countMax` names behind one, or of all, in the order of their code points. */
  namespacesBehind(after: string | null, countMax: number): string[];
  /** Undefined when the namespace holds no vector. */
  namespaceOrdinal(name: string): number | undefined;
  /** Runs writes as one transaction, which a throw undoes. */
  atomically<T>(body: () => T): T;

  /** Where the stored vectors lie that a batch replaces. */
  replacedBy(batch: UpsertBatch): VectorPlace[];
  /** Writes a batch that replaces those, and the receipt of its whole request; answers where each vector lies, in the batch's order. */
  upsert(
    batch: UpsertBatch,
    header: ShardHeader,
    replaced: readonly VectorPlace[],
    nowMs: number,
  ): { written: Written; places: VectorPlace[] };
  /** Deletes vectors of one namespace by id; returns where they were stored. */
  delete(namespace: string, ids: readonly string[], header: ShardHeader): { written: Written; rows: Row[] };
  /** Deletes stored vectors of one namespace by row. */
  deleteRows(namespace: number, rows: readonly Row[], header: ShardHeader): Written;
  /** Deletes the posting lists, too. */
  deleteAll(header: ShardHeader): Written;

  /** The rows of all vectors, or of a namespace's. */
  liveRows(namespace?: number): RowSet;
  /** The rows that are in no posting list. */
  unlistedRows(): RowSet;
  /** `count` live rows, all if there are fewer: any as likely as another, the same for the same rows and seed. Ascending. */
  sampleRows(count: number, seed: number): Row[];

  /** Every unlisted vector. */
  scan(header: ShardHeader): Iterable<PlacedVector>;
  /** The vectors in those of the rows that are there, in any order. */
  readRows(rows: Iterable<Row>, shape: Pick<ShardIdentity, 'dimensions'>): Iterable<PlacedVector>;
  read(shape: Pick<ShardIdentity, 'dimensions'>): ReadVectors;
  valuesOf(namespace: number, id: string, header: ShardHeader): Float32Array | undefined;
  /** The rows of the ids that exist, in the order of `ids`. */
  rowsOf(namespace: number, ids: readonly string[]): Row[];
  /** The first `countMax` rows of the namespace behind `after`, ascending. */
  rowsBehind(namespace: number, after: Row, countMax: number): Row[];
  /** The first `countMax` ids of the namespace that a listing from there comes to, in the order of `compareIds`. */
  idsFrom(namespace: number, start: ListingStart | null, countMax: number): PlacedId[];
  /** The ids of stored rows, in any order. */
  idsOf(rows: Iterable<Row>): PlacedId[];
  /** Columns of stored rows, in the order of `rows`; undefined when their ids, metadata and texts take more than `bytesMax`. */
  columns(rows: readonly Row[], include: Include, header: ShardHeader, bytesMax: number): VectorColumns | undefined;

  /** Lets the next write have a higher LSN than this one. */
  raiseLsn(lsn: number): void;

  /** Of stored rows, in the order of `rows`; see `UpsertBatch`. */
  versionsOf(rows: readonly Row[]): number[];

  receipt(repetition: Repetition): Receipt | undefined;
  /** The first receipts that changed behind a place. */
  receiptsBehind(after: number, countMax: number): ReceiptPage;
  /** Takes over what another object knows of requests. Repeating it changes nothing. */
  adoptReceipts(receipts: readonly KeyedReceipt[]): void;
  /** Whether older versions left properties of vectors unindexed. */
  isBehind(): boolean;
  /** Indexes some of them. */
  catchUp(): void;
  /** Forgets receipts that have run out; answers when the next one does. */
  sweepReceipts(nowMs: number): number | undefined;
}
