import type { IndexManifest } from '../index-manifest.ts';
import type { ShardStats } from '../../ann/shard-protocol.ts';
import type { ReplyOf, ShardReadOperations, ShardWriteOperations } from '../../ann/shard-operations.ts';
import type { Reading } from '../fan-out/reading.ts';
import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { Authority } from '../../contract/write-lease.ts';

type IndexReads = {
  readonly [Name in Exclude<keyof ShardReadOperations, 'query' | 'fetch' | 'select'>]: (
    manifest: IndexManifest,
    request: ShardReadOperations[Name]['request'],
  ) => ReplyOf<ShardReadOperations[Name]>;
};

type IndexWrites = {
  readonly [Name in keyof ShardWriteOperations]: (
    manifest: IndexManifest,
    request: ShardWriteOperations[Name]['request'],
    authority: Authority | null,
  ) => ReplyOf<ShardWriteOperations[Name]>;
};

/**
 * The shards that hold an index's vectors; see `Shard` for what they refuse. Every call may be refused with `unavailable`, and a write as its
 * authority refuses; null is work of Sluice itself. The operations are those of one shard (`ShardReadOperations`, `ShardWriteOperations`).
 */
export interface IndexShards extends IndexReads, IndexWrites {
  /** Without a reading: strongly, in the default time. */
  query(manifest: IndexManifest, query: ShardReadOperations['query']['request'], reading?: Reading): ReplyOf<ShardReadOperations['query']>;
  fetch(
    manifest: IndexManifest,
    fetch: ShardReadOperations['fetch']['request'],
    consistency?: ReadConsistency,
  ): ReplyOf<ShardReadOperations['fetch']>;
  /** The LSN of the last write to an index of one shard; several have no one LSN that every write raises. */
  lsn(manifest: IndexManifest): Promise<Outcome<number>>;
  stats(manifest: IndexManifest): Promise<Outcome<ShardStats>>;
}
