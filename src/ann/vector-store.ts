import type { Include, Repetition, ShardIdentity, UpsertBatch, VectorColumns, Written } from './shard-protocol.ts';
import type { PropertyIndex } from './filter/select-rows.ts';
import type { ReadVectors, Row } from './vector-engine.ts';

/** A shard's identity and where it stands. */
export interface ShardHeader extends ShardIdentity {
  /** Number of the last write. */
  readonly lsn: number;
  readonly count: number;
}

/** A vector's place: the row of its data and the ordinal of its namespace. */
export interface VectorPlace {
  readonly row: Row;
  readonly namespace: number;
}

export interface PlacedVector extends VectorPlace {
  readonly values: Float32Array;
}

/** What a request with an `Idempotency-Key` asked for and was answered. */
export interface Receipt {
  readonly digest: string;
  readonly written: Written;
}

/**
 * Where a shard's vectors live: the truth, from which the engine is rebuilt. Every write is one transaction that raises the LSN
 * by one. Nothing is stored before `create`.
 */
export interface VectorStore {
  create(identity: ShardIdentity): void;
  /** Undefined before `create`, and once everything was erased. */
  header(): ShardHeader | undefined;
  bytes(): number;
  /** What the metadata of the vectors says. */
  readonly properties: PropertyIndex;
  namespaceCount(): number;
  /** Undefined when the namespace holds no vector. */
  namespaceOrdinal(name: string): number | undefined;

  /** How many vectors of the batch are not stored yet. */
  countNew(batch: UpsertBatch): number;
  /** Writes a batch of which `countNew` vectors are new, with its receipt; answers where each vector lies, in the batch's order. */
  upsert(batch: UpsertBatch, header: ShardHeader, countNew: number, nowMs: number): { written: Written; places: VectorPlace[] };
  /** Deletes vectors of one namespace by id; answers where those that were there lay. */
  delete(namespace: string, ids: readonly string[], header: ShardHeader): { written: Written; rows: Row[] };
  /** Deletes stored vectors of one namespace by row. */
  deleteRows(namespace: number, rows: readonly Row[], header: ShardHeader): Written;
  deleteAll(header: ShardHeader): Written;

  /** Every vector, for building an engine. */
  scan(header: ShardHeader): Iterable<PlacedVector>;
  read(header: ShardHeader): ReadVectors;
  valuesOf(namespace: number, id: string, header: ShardHeader): Float32Array | undefined;
  /** The rows of those ids that are there, in the order of `ids`. */
  rowsOf(namespace: number, ids: readonly string[]): Row[];
  /** The first `countMax` rows of the namespace behind `after`, ascending. */
  rowsBehind(namespace: number, after: Row, countMax: number): Row[];
  /** Columns of stored rows, in the order of `rows`; undefined when their ids, metadata and texts take more than `bytesMax`. */
  columns(rows: readonly Row[], include: Include, header: ShardHeader, bytesMax: number): VectorColumns | undefined;

  receipt(repetition: Repetition): Receipt | undefined;
  /** Whether older versions left properties of vectors unindexed. */
  isBehind(): boolean;
  /** Indexes some of them. */
  catchUp(): void;
  /** Forgets receipts from before `atMs`; answers when the oldest one left was written. */
  sweepReceipts(atMs: number): number | undefined;
}
