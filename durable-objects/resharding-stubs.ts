import type { Addressed, AccessMode } from '../src/ann/access-mode.ts';
import type { KeyedReceipt } from '../src/ann/receipts.ts';
import type { GrowthCall } from '../src/index/resharding/index-resharding.ts';
import type { RegionPage, RoutingSummary } from '../src/index/routing/routing-summary.ts';
import type { RouteTable } from '../src/index/routing/route-table.ts';
import type {
  MoveAnswer,
  RowClearing,
  RowDepartures,
  RowKeys,
  RowMoves,
  RowPut,
  RowRemoval,
  RowsAsOf,
  RowsCleared,
} from '../src/ann/rows.ts';
import type { ShardChanges, ShardFollow } from '../src/ann/store/change-log.ts';
import type { ShardIdentity, ShardStats } from '../src/ann/shard-protocol.ts';
import type { Beside } from '../src/index/generations/generation-state.ts';
import type { PrimaryState } from '../src/index/replicas/index-replicas.ts';
import type { ShardLoad } from '../src/index/replicas/load-meter.ts';
import type { DrainOrder, ShardRoute } from '../src/index/routing/shard-route.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { LocatorCounts, LocatorIdentity } from './locator-identity.ts';
import type { ObjectNamespace } from './object-namespace.ts';

/** The objects of an index that grows, which reach each other. */
export interface ReshardingEnv {
  /** See `indexObjectName`. */
  readonly INDEX: ObjectNamespace<IndexReshardingStub>;
  /** See `locatorName`. */
  readonly LOCATOR: ObjectNamespace<LocatorStub>;
  /** Hosted by the shards Worker; see `shardName`. */
  readonly SHARD: ObjectNamespace<ShardStub>;
  /** Hosted there, too; see `replicaName`. */
  readonly REPLICA: ObjectNamespace<ReplicaStub>;
}

/** What the objects do for each other. */
export interface IndexReshardingStub {
  routingSummary(name: string, indexId: IndexId, known: number): Promise<Outcome<RoutingSummary>>;
  regions(name: string, indexId: IndexId, group: number, since: number): Promise<Outcome<RegionPage>>;
  /** See `tableAround`. */
  around(name: string, indexId: IndexId, ordinal: number): Promise<Outcome<RouteTable>>;
  grow(indexId: IndexId, call: GrowthCall): Promise<Outcome<{ readonly version: number }>>;
  /** Reports that a shard is busy. */
  watch(indexId: IndexId, shard: number): Promise<void>;
}

export interface LocatorStub {
  open(identity: LocatorIdentity, mode?: AccessMode): Promise<void>;
  erase(): Promise<void>;
  counts(call: Addressed): Promise<Outcome<LocatorCounts>>;
  move(indexId: IndexId, moves: RowMoves): Promise<Outcome<MoveAnswer[]>>;
  depart(indexId: IndexId, departures: RowDepartures): Promise<Outcome<null>>;
  adopt(indexId: IndexId, keys: RowKeys, removed: RowKeys, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>>;
}

export interface ShardRowsStub {
  putRows(rows: RowPut): Promise<Outcome<{ readonly lsn: number }>>;
  lackingRows(rows: RowsAsOf): Promise<Outcome<number[]>>;
  removeRows(removal: RowRemoval): Promise<Outcome<{ readonly lsn: number }>>;
  clearRows(clearing: RowClearing): Promise<Outcome<RowsCleared>>;
}

export interface ShardStub extends ShardRowsStub {
  open(identity: ShardIdentity, route?: ShardRoute, beside?: Partial<Beside>): Promise<void>;
  erase(indexId: IndexId): Promise<number>;
  drain(order: DrainOrder): Promise<number>;
  raise(lsn: number): Promise<void>;
  export(locators: number): Promise<void>;
  standing(): Promise<PrimaryState | undefined>;
  setAccess(indexId: IndexId, mode: AccessMode, fencingToken: number): Promise<Outcome<null>>;
  stats(call: Addressed): Promise<Outcome<ShardStats>>;
  changesSince(follow: ShardFollow): Promise<Outcome<ShardChanges>>;
}

export interface ReplicaStub {
  open(identity: ShardIdentity, primary: string): Promise<void>;
  erase(indexId: IndexId): Promise<void>;
  state(lsnMin?: number): Promise<ReplicaState>;
}

/** The state that a replica reports. */
export interface ReplicaState {
  /** Null while it copies. */
  readonly completeLsn: number | null;
  readonly load: ShardLoad;
}
