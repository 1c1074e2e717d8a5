import type { Gate } from '../../ann/generations/gate.ts';
import type { IndexManifest } from '../../ann/index-manifest.ts';
import type { ChangeCursor, ShardChanges, ShardFollow } from '../../ann/replication/change-page.ts';
import type { RouteOutline } from '../../ann/routing/route-outline.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { IndexId } from '../../kernel/ids.ts';

/** The objects of a generation, one by one, for whoever follows it or opens and closes its gates. Every call may be refused with `unavailable`. */
export interface FollowedObjects {
  /** Its shards and locators. */
  members(manifest: IndexManifest): Promise<Outcome<Pick<RouteOutline, 'version' | 'shards' | 'locators'>>>;
  followedFrom(manifest: IndexManifest, shard: number, lsnMin: number): Promise<Outcome<ChangeCursor>>;
  changesSince(manifest: IndexManifest, shard: number, follow: ShardFollow): Promise<Outcome<ShardChanges>>;
  shardCount(manifest: IndexManifest, shard: number, caller: IndexId): Promise<Outcome<number>>;
  locatorCount(manifest: IndexManifest, locator: number, caller: IndexId): Promise<Outcome<number>>;
  setShardGate(manifest: IndexManifest, shard: number, gate: Gate, run: number): Promise<Outcome<null>>;
  /** Once that is answered, no write of those who are kept out is under way. */
  setLocatorGate(manifest: IndexManifest, locator: number, gate: Gate, run: number): Promise<Outcome<null>>;
}
