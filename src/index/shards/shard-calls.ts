import type { Caller } from '../../ann/access-mode.ts';
import type { LocatedRemoval, LocatedWrite, LocatedWritten, RowKeys } from '../../ann/rows.ts';
import type { AnswerOf, RequestOf, ShardRead, ShardWrite } from '../../ann/shard-operations.ts';
import type { Repetition, ShardStats, Written } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { Place } from '../locators/locator-store.ts';
import type { Claim } from '../locators/locator.ts';
import type { RouteCalls } from '../routing/route-cache.ts';

/** The shards of an index, one by one. Calls are refused with `stale_route` or `unavailable`; see `Shard` for the rest. */
export interface ShardCalls extends RouteCalls {
  read<Name extends ShardRead>(manifest: IndexManifest, ordinal: number, name: Name, request: RequestOf<Name>): AnswerOf<Name>;
  /** To the only shard: several are written through their locators. */
  write<Name extends ShardWrite>(
    manifest: IndexManifest,
    name: Name,
    request: RequestOf<Name>,
    authority: Authority | null,
  ): AnswerOf<Name>;
  /** The LSN of the last write to the only shard. */
  lsn(manifest: IndexManifest): Promise<Outcome<number>>;
  stats(manifest: IndexManifest, ordinal: number): Promise<Outcome<ShardStats>>;
}

/** A locator of an index, and what calls it; absent: a client. */
export interface LocatorAt {
  readonly manifest: IndexManifest;
  readonly locator: number;
  readonly caller?: Caller | undefined;
}

/** The same for a write, and in whose name it is; null: Sluice itself. */
export interface WriteAt extends LocatorAt {
  readonly authority: Authority | null;
}

/**
 * The locators of an index, one by one; see `Locator` for what they refuse. Every call may be refused with `unavailable`, or as `admit`
 * does.
 */
export interface LocatorCalls {
  write(at: WriteAt, write: LocatedWrite): Promise<Outcome<LocatedWritten>>;
  remove(at: WriteAt, removal: LocatedRemoval): Promise<Outcome<Written>>;
  clear(at: WriteAt, lsnSeen: number): Promise<Outcome<Written>>;
  claim(at: WriteAt, repetition: Repetition): Promise<Outcome<Claim>>;
  find(at: LocatorAt, keys: RowKeys): Promise<Outcome<(Place | undefined)[]>>;
  counts(at: LocatorAt): Promise<Outcome<{ readonly ids: number; readonly writes: number; readonly namespaces: readonly string[] }>>;
}
