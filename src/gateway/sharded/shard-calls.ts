import type { IndexManifest } from '../../index/index-manifest.ts';
import type { RegionPage, RoutingSummary } from '../../index/routing/routing-summary.ts';
import type {
  ListedVectors,
  NamespacePage,
  SampledIds,
  SelectedIds,
  ShardFetch,
  ShardList,
  ShardNamespaces,
  ShardSample,
  ShardSelect,
  ShardStats,
  ShardVectors,
} from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/outcome.ts';

/** The shards of an index, one by one, but for searches. Calls are refused with `stale_route` or `unavailable`; see `Shard` for the rest. */
export interface ShardCalls {
  fetch(manifest: IndexManifest, ordinal: number, fetch: ShardFetch): Promise<Outcome<ShardVectors>>;
  list(manifest: IndexManifest, ordinal: number, list: ShardList): Promise<Outcome<ListedVectors>>;
  namespaces(manifest: IndexManifest, ordinal: number, page: ShardNamespaces): Promise<Outcome<NamespacePage>>;
  select(manifest: IndexManifest, ordinal: number, select: ShardSelect): Promise<Outcome<SelectedIds>>;
  sample(manifest: IndexManifest, ordinal: number, sample: ShardSample): Promise<Outcome<SampledIds>>;
  stats(manifest: IndexManifest, ordinal: number): Promise<Outcome<ShardStats>>;
  /** The current state in the index's own object, for a caller that has an earlier version: see `RouteSource`. */
  outline(manifest: IndexManifest, known: number): Promise<Outcome<RoutingSummary>>;
  regions(manifest: IndexManifest, district: number, since: number): Promise<Outcome<RegionPage>>;
}
