import type { RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { FieldTotals, PostedRow, Row, RowFilter, Space, SparseHits, SparseQuery, TermWalk } from './sparse-query.ts';

/** Where rows come from that were put after the last flush, when memory was lost. */
export interface RowSource {
  /** All stored rows that have fields and come behind `row`, ascending. */
  rowsBehind(row: Row): Iterable<PostedRow>;
}

/** Postings of all text and sparse fields of a shard. */
export interface SparseEngineOperations {
  readonly flushedRow: Row;
  readonly bytes: number;
  put(row: PostedRow): void;
  remove(namespace: number, rows: readonly Row[]): void;
  totals(space: Space, among?: RowFilter): FieldTotals;
  documentFrequencies(space: Space, terms: readonly string[], among?: RowFilter): number[];
  terms(walk: TermWalk): Generator<undefined, string[]>;
  search(query: SparseQuery): SparseHits;
  searchInSteps(query: SparseQuery): Generator<undefined, SparseHits>;
  sweep(): boolean;
  evict(bytes: number): number;
  clear(): void;
}

/** `new SparseEngine(storage, source, memoryBytesMax)`; the tables are `POSTING_TABLES`. */
export type SparseEngineConstructor = new (storage: RememberingStorage, source: RowSource, memoryBytesMax: number) => SparseEngineOperations;
