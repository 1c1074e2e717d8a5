import type { KeyedReceipt } from '../src/ann/receipts/receipt.ts';
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
} from '../src/ann/rows/rows.ts';
import type { Outcome } from '../src/contract/outcome.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { IndexObject } from './index-object.ts';
import type { LocatorObject } from './locator-object.ts';
import type { ReplicaObject } from './replica-object.ts';
import type { ShardObject } from './shard-object.ts';

/** The objects of an index that grows, which reach each other. */
export interface ReshardingEnv {
  /** See `indexObjectName`. */
  readonly INDEX: DurableObjectNamespace<IndexObject>;
  /** See `locatorName`. */
  readonly LOCATOR: DurableObjectNamespace<LocatorObject>;
  /** Hosted by the shards Worker; see `shardName`. */
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  /** Hosted there, too; see `replicaName`. */
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
}

/** What the objects do for each other. */
export interface IndexReshardingStub {
  outline(name: string, indexId: IndexId, known: number): Promise<Outcome<RoutingSummary>>;
  regions(name: string, indexId: IndexId, district: number, since: number): Promise<Outcome<RegionPage>>;
  /** See `tableAround`. */
  around(name: string, indexId: IndexId, ordinal: number): Promise<Outcome<RouteTable>>;
  grow(indexId: IndexId, call: GrowthCall): Promise<Outcome<{ readonly version: number }>>;
  /** Reports that a shard is busy. */
  watch(indexId: IndexId, shard: number): Promise<void>;
}

export interface LocatorStub {
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
