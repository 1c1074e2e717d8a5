import { POOL_LIMITS } from '../../contract/pools/pool-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { PoolNode } from '../../contract/pools/pool-exchange.ts';
import type { PoolSettings, PoolRecord, StatedPrice } from '../../contract/pools/pool-record.ts';
import { DEFAULT_SETTINGS } from '../../contract/pools/pool-record.ts';
import { poolPriceId, priceListOf, withMargin } from '../../contract/tenancy/accelerator-prices.ts';
import { must } from '../../kernel/assert.ts';
import type { JobId, PoolId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Cell } from '../engine/cell/cell.ts';
import { poolPrice } from '../engine/cell/pool-price.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { PriceRow } from '../engine/model/price-book.ts';
import type { ResidentWeights } from '../engine/cell/resident-weights.ts';
import { poolEvents } from './agents-as-nodes.ts';
import type { KnownNode, NodeOrder, SqliteNodeRegistry } from './sqlite-node-registry.ts';
import type { SqlitePoolRegistry } from './sqlite-pool-registry.ts';

/** A price of a pool. Plain data. */
export interface PoolPrice extends StatedPrice {
  /** What tenants are billed, under that id. */
  readonly nanoDollarsPerHour: number;
  readonly priceId: string;
  /** The price list that it is of, where the pool states none. */
  readonly listId: string | null;
  readonly isInForce: boolean;
}

/** A node as operators see it. Plain data. */
export interface NodeView {
  readonly node: PoolNode;
  readonly state: 'open' | 'cordoned' | 'draining' | 'away';
  readonly jobs: readonly JobId[];
  readonly weights: readonly ResidentWeights[];
  readonly idleSinceMs: number | null;
  /** When it will be taken away; null where nothing says so. */
  readonly terminatesAtMs: number | null;
}

interface Parts {
  readonly registry: SqlitePoolRegistry;
  readonly nodes: SqliteNodeRegistry;
  readonly cell: () => Cell;
  readonly nowMs: () => number;
  readonly transact: <T>(body: () => T) => T;
  /** Applies events in the transaction of the caller. */
  readonly step: (events: readonly CellEvent[]) => void;
  /** Takes all nodes of a pool out, and what runs there, in the transaction of the caller. */
  readonly evacuate: (poolId: PoolId) => void;
  /** Forgets what a pool had to do. */
  readonly dismiss: (poolId: PoolId) => void;
}

/** What operators do with the pools of a cell. Each call is one transaction. Each refuses with `pool_not_found`. */
export class PoolOperations {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Changes settings; what is absent stays. */
  change(id: PoolId, { owner, ...settings }: Partial<PoolSettings> & { readonly owner?: string }): Outcome<PoolRecord> {
    return this.#within(id, (pool) => {
      const changed = { ...pool, owner: owner ?? pool.owner, settings: { ...DEFAULT_SETTINGS, ...pool.settings, ...settings } };
      this.#parts.registry.save(changed);
      this.#parts.step(poolEvents('change_pool', changed));
      return ok(changed);
    });
  }

  /** Deletes a pool. Refuses with `state_conflict` while it has nodes, unless forced: what runs there is given back. */
  remove(id: PoolId, isForced: boolean): Outcome<null> {
    return this.#within(id, () => {
      const count = this.#parts.cell().fleet.nodesOf(id).length;
      if (count > 0 && !isForced)
        return refuse('state_conflict', `the pool has ${count} nodes: drain them, or delete it with force`, 'force');
      this.#parts.evacuate(id);
      this.#parts.step([{ kind: 'remove_pool', poolId: id }]);
      this.#parts.dismiss(id);
      this.#parts.nodes.removePool(id);
      this.#parts.registry.remove(id);
      return ok(null);
    });
  }

  /** Refuses with `limit_exceeded` where too many prices are to come, and with `invalid_value` one that has ended before it begins. */
  setPrice(id: PoolId, stated: StatedPrice): Outcome<PoolPrice> {
    return this.#within(id, (pool) => {
      const nowMs = this.#parts.nowMs();
      const row = rowOf(pool, { ...stated, fromMs: Math.max(stated.fromMs, nowMs) });
      if (row.untilMs !== undefined && row.untilMs <= row.fromMs) return refuse('invalid_value', 'is not after its beginning', 'until');
      const others = this.#rows(id).filter(({ accelerator, fromMs }) => accelerator !== row.accelerator || fromMs !== row.fromMs);
      if (others.length >= POOL_LIMITS.poolPricesMaxCount)
        return refuseBeyond({
          limit: 'poolPricesMaxCount',
          value: others.length + 1,
          what: `the pool has ${others.length} prices already`,
        });
      this.#parts.step([{ kind: 'price', row }]);
      return ok(this.#viewOf(row));
    });
  }

  /**
   * The prices that hold and those to come, by accelerator and time; of types that it has and states no price for, and of nodes without
   * accelerators, that of the price list. [J311]
   */
  prices(id: PoolId): Outcome<readonly PoolPrice[]> {
    return this.#within(id, () => {
      const rows = this.#rows(id);
      const { fleet, nowMs } = this.#parts.cell();
      const { elasticity } = fleet.pool(id).spec;
      const nodes = fleet.nodesOf(id).map((index) => fleet.node(index).spec.accelerator);
      const types = new Set([null, elasticity?.template.accelerator ?? null, ...nodes, ...rows.map(({ accelerator }) => accelerator)]);
      const listed = [...types].flatMap((accelerator) => this.#listed(id, accelerator, Math.max(nowMs, this.#parts.nowMs())) ?? []);
      const stated = rows.map((row) => this.#viewOf(row));
      return ok([...stated, ...listed].toSorted((a, b) => (a.accelerator ?? '').localeCompare(b.accelerator ?? '') || a.fromMs - b.fromMs));
    });
  }

  /** Where no price of the pool holds: that of the list. */
  #listed(id: PoolId, accelerator: string | null, nowMs: number): PoolPrice | undefined {
    const price = poolPrice(this.#parts.cell(), id, accelerator, nowMs);
    const list = price && priceListOf(price.id);
    if (price === undefined || list === undefined) return undefined;
    const { nanoDollarsPerHour } = price;
    const common = { accelerator, fromMs: list.fromMs, untilMs: null, costNanoDollarsPerHour: nanoDollarsPerHour, marginPerMille: 0 };
    return { ...common, nanoDollarsPerHour, priceId: price.id, listId: list.id, isInForce: true };
  }

  #viewOf(row: PriceRow): PoolPrice {
    const {
      accelerator,
      fromMs,
      untilMs = null,
      nanoDollarsPerHour,
      marginPerMille = 0,
      costNanoDollarsPerHour = nanoDollarsPerHour,
    } = row;
    const cell = this.#parts.cell();
    const poolId = must(row.poolId, 'a price of a pool names it');
    const { market } = cell.fleet.pool(poolId).spec;
    return {
      accelerator,
      fromMs,
      untilMs,
      costNanoDollarsPerHour,
      marginPerMille,
      nanoDollarsPerHour,
      priceId: poolPriceId({ poolId, market, accelerator, nanoDollarsPerHour }),
      listId: null,
      isInForce: cell.prices.holds(row, this.#parts.nowMs()),
    };
  }

  /** Nodes by id, after `after`: one more than `limit` when there are more. */
  nodes(id: PoolId, limit: number, after = ''): Outcome<readonly NodeView[]> {
    return this.#within(id, () => ok(this.#parts.nodes.page(id, after, limit + 1).map((known) => this.#view(known))));
  }

  /** Gives a node no new work, empties it, or (null) lets it take work. Refuses with `node_not_found`. */
  order(id: PoolId, nodeId: string, order: NodeOrder | null): Outcome<NodeView> {
    return this.#within(id, () => {
      const known = this.#parts.nodes.find(id, nodeId);
      if (known === undefined)
        return refuseResource('node_not_found', { kind: 'node', name: nodeId }, `no node ${nodeId} in ${id}`, 'node');
      this.#parts.nodes.order(nodeId, order);
      this.#parts.step([{ kind: order ?? 'uncordon', nodeId }]);
      return ok(this.#view({ ...known, order, terminatesAtMs: null }));
    });
  }

  /**
   * A node will be taken away: it gets no new work, and what runs there saves and leaves before then. Said again, the earlier time holds. Refuses
   * with `node_not_found`. [P125]
   */
  notice(id: PoolId, nodeId: string, inMs: number): Outcome<NodeView> {
    return this.#within(id, () => {
      const known = this.#parts.nodes.find(id, nodeId);
      if (known === undefined)
        return refuseResource('node_not_found', { kind: 'node', name: nodeId }, `no node ${nodeId} in ${id}`, 'node');
      const goneAtMs = Math.min(known.terminatesAtMs ?? Infinity, this.#parts.nowMs() + inMs);
      if (goneAtMs !== known.terminatesAtMs) {
        this.#parts.nodes.order(nodeId, 'drain', goneAtMs);
        this.#parts.step([{ kind: 'spot_notice', nodeId, goneAtMs }]);
      }
      return ok(this.#view({ ...known, order: 'drain', terminatesAtMs: goneAtMs }));
    });
  }

  #view({ node, order, terminatesAtMs }: KnownNode): NodeView {
    const { fleet, jobs } = this.#parts.cell();
    const record = fleet.find(node.id);
    if (record === undefined) return { node, state: 'away', jobs: [], weights: [], idleSinceMs: null, terminatesAtMs };
    const running = jobs.inOrder(jobs.onNodes.on([record.index])).map(({ spec }) => spec.id);
    return {
      node,
      state: record.state === 'open' ? 'open' : order === 'cordon' ? 'cordoned' : 'draining',
      jobs: running,
      weights: record.weights,
      idleSinceMs: running.length === 0 ? record.idleSinceMs : null,
      terminatesAtMs,
    };
  }

  /** Prices of a pool that hold now or will. */
  #rows(id: PoolId): readonly PriceRow[] {
    const nowMs = this.#parts.nowMs();
    return this.#parts
      .cell()
      .prices.of(id)
      .filter(({ untilMs = Infinity }) => untilMs > nowMs);
  }

  #within<T>(id: PoolId, act: (pool: PoolRecord) => Outcome<T>): Outcome<T> {
    return this.#parts.transact(() => {
      const pool = this.#parts.registry.find(id);
      return pool === undefined ? refuseResource('pool_not_found', { kind: 'pool', name: id }, `no pool ${id}`, 'pool') : act(pool);
    });
  }
}

/** What a pool is made with; what has ended by now never holds. */
export const priceEvents = (pool: PoolRecord, prices: readonly StatedPrice[], nowMs: number): readonly CellEvent[] =>
  prices
    .filter(({ untilMs }) => (untilMs ?? Infinity) > nowMs)
    .map((price) => ({ kind: 'price', row: rowOf(pool, { ...price, fromMs: Math.max(price.fromMs, nowMs) }) }));

/** A stated price as the engine keeps it: what tenants pay, its margin included. */
function rowOf({ id, settings = DEFAULT_SETTINGS }: PoolRecord, { untilMs, ...stated }: StatedPrice): PriceRow {
  const { region, market } = settings;
  const nanoDollarsPerHour = withMargin(stated.costNanoDollarsPerHour, stated.marginPerMille);
  return { ...stated, ...(untilMs === null ? {} : { untilMs }), nanoDollarsPerHour, region, market, poolId: id };
}
