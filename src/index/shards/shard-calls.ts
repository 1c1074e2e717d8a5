import type { IndexManifest } from '../index-manifest.ts';
import type { RegionPage, RoutingSummary } from '../routing/routing-summary.ts';
import type { ShardStats } from '../../ann/shard-protocol.ts';
import type { ReplyOf, ShardReadOperations } from '../../ann/shard-operations.ts';
import type { Outcome } from '../../contract/outcome.ts';

type ReadsOfShard = {
  readonly [Name in 'fetch' | 'list' | 'namespaces' | 'select' | 'sample']: (
    manifest: IndexManifest,
    ordinal: number,
    request: ShardReadOperations[Name]['request'],
  ) => ReplyOf<ShardReadOperations[Name]>;
};

/** The shards of an index, one by one, but for searches. Calls are refused with `stale_route` or `unavailable`; see `Shard` for the rest. */
export interface ShardCalls extends ReadsOfShard {
  stats(manifest: IndexManifest, ordinal: number): Promise<Outcome<ShardStats>>;
  /** The current state in the index's own object, for a caller that has an earlier version: see `RouteSource`. */
  outline(manifest: IndexManifest, known: number): Promise<Outcome<RoutingSummary>>;
  regions(manifest: IndexManifest, district: number, since: number): Promise<Outcome<RegionPage>>;
}
