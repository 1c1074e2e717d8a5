import type { Caller, Gate } from '../../ann/access-mode.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import type { KeyedReceipt, ReceiptPage } from '../../ann/receipts.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../../ann/replication/change-page.ts';
import type { RoutingSummary } from '../../index/routing/routing-summary.ts';
import type { Outcome } from '../../contract/outcome.ts';

/** The objects of a generation, one by one, for following them and for changing their access modes. Every call may be refused with `unavailable`. */
export interface FollowedObjects {
  /** Its shards and locators. */
  members(manifest: IndexManifest): Promise<Outcome<Pick<RoutingSummary, 'version' | 'shards' | 'locators'>>>;
  followedFrom(manifest: IndexManifest, shard: number, lsnMin: number): Promise<Outcome<ChangeCursor>>;
  changesSince(manifest: IndexManifest, shard: number, follow: ShardFollow): Promise<Outcome<ShardChanges>>;
  /** Of a locator, or of an only shard (null): receipts that changed after a position. */
  receiptsBehind(manifest: IndexManifest, locator: number | null, after: number): Promise<Outcome<ReceiptPage>>;
  /** Refuses with `stale_route` what came for an only shard that is one of several by now. */
  adoptReceipts(manifest: IndexManifest, locator: number | null, receipts: readonly KeyedReceipt[], caller: Caller): Promise<Outcome<null>>;
  shardCount(manifest: IndexManifest, shard: number, caller: Caller): Promise<Outcome<number>>;
  locatorCount(manifest: IndexManifest, locator: number, caller: Caller): Promise<Outcome<number>>;
  setShardGate(manifest: IndexManifest, shard: number, gate: Gate, run: number): Promise<Outcome<null>>;
  /** Once that is answered, no write of the excluded callers is under way. */
  setLocatorGate(manifest: IndexManifest, locator: number, gate: Gate, run: number): Promise<Outcome<null>>;
}
