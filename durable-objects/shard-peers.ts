import { indexObjectName, locatorName, shardName } from '../src/index/index-manifest.ts';
import type { KeyedReceipt } from '../src/ann/receipts.ts';
import type { GrowthCall, ShardAsOf, SplitRequest } from '../src/index/resharding/index-resharding.ts';
import type { RouteTable } from '../src/index/routing/route-table.ts';
import type { MoveAnswer, RowDepartures, RowKeys, RowMoves, RowPut, RowsAsOf } from '../src/ann/rows.ts';
import type { ShardReshardingPeers } from '../src/index/resharding/shard-resharding.ts';
import type { Cell, ShardRoute } from '../src/index/routing/shard-route.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import { must } from '../src/kernel/assert.ts';
import type { IndexId } from '../src/kernel/ids.ts';
import type { ReshardingEnv, IndexReshardingStub, LocatorStub, ShardRowsStub } from './resharding-stubs.ts';
import { reach } from './platform-fault.ts';

/** The objects that a shard asks about growing. */
export class ShardPeers implements ShardReshardingPeers {
  readonly #env: ReshardingEnv;
  readonly #route: Cell<ShardRoute>;
  readonly #indexId: () => IndexId;

  constructor(env: ReshardingEnv, route: Cell<ShardRoute>, indexId: () => IndexId) {
    this.#env = env;
    this.#route = route;
    this.#indexId = indexId;
  }

  move(locator: number, moves: RowMoves): Promise<Outcome<MoveAnswer[]>> {
    return reach(() => this.#locator(locator).move(this.#indexId(), moves));
  }

  depart(locator: number, departures: RowDepartures): Promise<Outcome<null>> {
    return reach(() => this.#locator(locator).depart(this.#indexId(), departures));
  }

  adopt(locator: number, keys: RowKeys, removed: RowKeys, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>> {
    return reach(() => this.#locator(locator).adopt(this.#indexId(), keys, removed, receipts));
  }

  put(ordinal: number, rows: RowPut): Promise<Outcome<unknown>> {
    return reach(() => this.#shard(ordinal).putRows(rows));
  }

  lacking(ordinal: number, rows: RowsAsOf): Promise<Outcome<number[]>> {
    return reach(() => this.#shard(ordinal).lackingRows(rows));
  }

  around(ordinal: number): Promise<Outcome<RouteTable>> {
    return reach(() => this.#index.around(this.#known.name, this.#indexId(), ordinal));
  }

  spread(): Promise<Outcome<unknown>> {
    return this.#tell({ kind: 'spread' });
  }

  exported(): Promise<Outcome<unknown>> {
    return this.#tell({ kind: 'exported' });
  }

  split(request: SplitRequest): Promise<Outcome<unknown>> {
    return this.#tell({ kind: 'split', request });
  }

  share({ ordinal, since }: ShardAsOf): Promise<Outcome<unknown>> {
    return this.#tell({ kind: 'share', shard: { ordinal, since } });
  }

  merge({ ordinal, since }: ShardAsOf): Promise<Outcome<unknown>> {
    return this.#tell({ kind: 'merge', shard: { ordinal, since } });
  }

  drained(shard: ShardAsOf): Promise<Outcome<unknown>> {
    return this.#tell({ kind: 'drained', shard });
  }

  #tell(call: GrowthCall): Promise<Outcome<unknown>> {
    return reach(() => this.#index.grow(this.#indexId(), call));
  }

  get #known(): ShardRoute {
    return must(this.#route.get(), 'a shard asks others once it knows its index');
  }

  get #names() {
    return { tenantId: this.#known.tenantId, id: this.#indexId() };
  }

  get #index(): IndexReshardingStub {
    return this.#env.INDEX.getByName(indexObjectName(this.#known.tenantId, this.#known.name));
  }

  #shard(ordinal: number): ShardRowsStub {
    return this.#env.SHARD.getByName(shardName(this.#names, ordinal));
  }

  #locator(ordinal: number): LocatorStub {
    return this.#env.LOCATOR.getByName(locatorName(this.#names, ordinal));
  }
}
