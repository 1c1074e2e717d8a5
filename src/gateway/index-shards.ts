import type { IndexManifest } from '../index/index-manifest.ts';
import type {
  Counted,
  Deleted,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  SampledIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  Written,
} from '../ann/shard-protocol.ts';
import type { Reading } from '../index/fan-out/reading.ts';
import type { ReadConsistency } from '../ann/replication/read-consistency.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { Authority } from './authority.ts';

/**
 * The shards that hold an index's vectors; see `Shard` for what they refuse. Every call may be refused with `unavailable`, and a write as its
 * authority refuses; null is work of Sluice itself.
 */
export interface IndexShards {
  upsert(manifest: IndexManifest, batch: UpsertBatch, authority: Authority | null): Promise<Outcome<Written>>;
  /** Without a reading: strongly, in the default time. */
  query(manifest: IndexManifest, query: ShardQuery, reading?: Reading): Promise<Outcome<ShardMatches>>;
  fetch(manifest: IndexManifest, fetch: ShardFetch, consistency?: ReadConsistency): Promise<Outcome<ShardVectors>>;
  list(manifest: IndexManifest, list: ShardList): Promise<Outcome<ListedVectors>>;
  namespaces(manifest: IndexManifest, page: ShardNamespaces): Promise<Outcome<NamespacePage>>;
  count(manifest: IndexManifest, count: ShardCount): Promise<Outcome<Counted>>;
  patch(manifest: IndexManifest, patch: ShardPatch, authority: Authority | null): Promise<Outcome<Patched>>;
  delete(manifest: IndexManifest, deletion: ShardDelete, authority: Authority | null): Promise<Outcome<Deleted>>;
  /** The LSN of the last write to an index of one shard; several have no one LSN that every write raises. */
  lsn(manifest: IndexManifest): Promise<Outcome<number>>;
  stats(manifest: IndexManifest): Promise<Outcome<ShardStats>>;
  sample(manifest: IndexManifest, sample: ShardSample): Promise<Outcome<SampledIds>>;
  measureRecall(manifest: IndexManifest, recall: ShardRecall): Promise<Outcome<RecallSlice>>;
}
