import type { AccessMode } from '../../../ann/access-mode.ts';
import type { FeedCursor, ReceiptCursor } from '../../../index/generations/generation-state.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { RowKeys } from '../../../ann/rows.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';

/** Which vectors changed, in any order; their current state has to be read. */
export interface FeedPage {
  /** Whether everything was deleted before these changes. */
  readonly isCleared: boolean;
  readonly changed: RowKeys;
  readonly next: FeedCursor;
  /** Whether nothing is left: every write acknowledged before the call is covered by the pages so far. */
  readonly isComplete: boolean;
}

/** Receipts from one generation to another, as that run of its follower. */
export interface ReceiptCarriage {
  readonly from: IndexManifest;
  readonly to: IndexManifest;
  readonly run: number;
}

/** The shards of an index, for followers. Every call may be refused with `index_not_found`, `stale_fence` or `unavailable`. */
export interface FollowedShards {
  /** From now on changes are kept; returns where they begin. Later writes get LSNs above those that were followed before. */
  begin(manifest: IndexManifest, before: FeedCursor | null): Promise<Outcome<FeedCursor>>;
  /** Null: the changes behind the cursor are not all known any more. */
  changes(manifest: IndexManifest, after: FeedCursor): Promise<Outcome<FeedPage | null>>;
  /** Has the other generation know what this one does of requests, behind the cursor and at most a page of each object; answers how far. */
  carryReceipts(carriage: ReceiptCarriage, after: ReceiptCursor | null): Promise<Outcome<ReceiptCursor>>;
  /** How many vectors there are, for a follower of that run. */
  count(manifest: IndexManifest, run: number): Promise<Outcome<number>>;
  /** Sets the access mode of all shards. */
  setAccess(manifest: IndexManifest, mode: AccessMode, fencingToken: number): Promise<Outcome<null>>;
}
