import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { AnswerOf, RequestOf, ShardRead, ShardWrite } from '../../ann/shard-operations.ts';
import type { ShardFieldSearch, ShardStats } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { Reading } from '../fan-out/shard-reads.ts';
import type { IndexManifest } from '../index-manifest.ts';

/** Finds the shards of an index, however many it has. */
export interface IndexShards {
  of(manifest: IndexManifest): ShardSet;
}

/** Operations that a use case may ask of a whole index by name: `select` serves those of several shards. */
export type IndexRead = Exclude<ShardRead, 'query' | 'searchFields' | 'termStatistics' | 'fetch' | 'select'>;

/** A leg over the fields of a whole index. */
export interface IndexFieldSearch extends Omit<ShardFieldSearch, 'statistics'> {
  /** `exact`: counted for this search. Absent: counts that are at most `termStatisticsTtlMs` old, if there are several shards. */
  readonly statistics?: 'exact';
}

/**
 * The shards that hold an index's vectors, as if there were one; see `Shard` for what it refuses. Every call may be refused with
 * `unavailable`, and a write as its authority refuses; null is work of Sluice itself.
 */
export interface ShardSet {
  /** Without a reading: strongly, in the default time. */
  query(query: RequestOf<'query'>, reading?: Reading): AnswerOf<'query'>;
  /** The same of a leg over fields. */
  searchFields(search: IndexFieldSearch, reading?: Reading): AnswerOf<'searchFields'>;
  fetch(fetch: RequestOf<'fetch'>, consistency?: ReadConsistency): AnswerOf<'fetch'>;
  read<Name extends IndexRead>(name: Name, request: RequestOf<Name>): AnswerOf<Name>;
  write<Name extends ShardWrite>(name: Name, request: RequestOf<Name>, authority: Authority | null): AnswerOf<Name>;
  /** The LSN of the last write; null where there is none that every write raises, as with several shards. */
  lsn(): Promise<Outcome<number | null>>;
  stats(): Promise<Outcome<ShardStats>>;
}
