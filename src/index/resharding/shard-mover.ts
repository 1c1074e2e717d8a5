import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { INDEX_OBJECT } from '../../ann/access-mode.ts';
import type { Shard } from '../../ann/shard/shard.ts';
import type { ShardHeader } from '../../ann/shard-header.ts';
import type { VectorStore } from '../../ann/store/vector-store.ts';
import { locatorOf } from '../locators/locator-of.ts';
import type { RowWish, RowTakers } from './moved-rows.ts';
import { RowWishes, putRows } from './moved-rows.ts';
import type { Departing, RowVersions, WholeRows } from './row-versions.ts';
import type { MoveAnswer, RowDepartures, RowMoves } from '../../ann/rows.ts';
import type { Cell, DrainOrder, ShardRoute } from '../routing/shard-route.ts';
import { routedDimensions, routedPoint } from '../routing/places-of.ts';
import { slotOf } from '../routing/slot-range.ts';
import { vectorsOfStep } from './split-region.ts';

/** RPCs of a shard that moves rows away. Every call may be refused with `unavailable`. */
export interface MoverPeers extends RowTakers {
  move(locator: number, moves: RowMoves): Promise<Outcome<MoveAnswer[]>>;
  depart(locator: number, departures: RowDepartures): Promise<Outcome<null>>;
  /** Reports to the index that nothing is left to move. */
  drained(shard: { readonly ordinal: number; readonly since: number }): Promise<Outcome<unknown>>;
}

/** A shard of several: what it holds, and what it keeps of its index. */
export interface ShardParts {
  readonly shard: Shard;
  readonly store: VectorStore;
  readonly versions: RowVersions;
  readonly route: Cell<ShardRoute>;
  /** The last order that it received. */
  readonly order: Cell<DrainOrder>;
}

/** Rows of one slice of moving, assigned among this many shards: some milliseconds. */
export const sliceRows = (dimensions: number, shards = 2): number =>
  Math.min(128, Math.max(16, Math.floor(8_192 / dimensions)), 4 * vectorsOfStep(shards, dimensions));

/**
 * Moves the rows of a shard that belong to others, slice by slice. The locator first adds the other shard to the row's location, so that
 * every write from then on reaches both; then the row is copied; it leaves once every query that may look for it only here is over.
 */
export class ShardMover {
  readonly #shard: Shard;
  readonly #store: VectorStore;
  readonly #versions: RowVersions;
  readonly #route: Cell<ShardRoute>;
  /** Apart from the route, which is written with every slice: centroids of many shards are in it. */
  readonly #order: Cell<DrainOrder>;
  readonly #peers: MoverPeers;
  #known: { readonly since: number; readonly wishes: RowWishes } | undefined;

  constructor({ shard, store, versions, route, order }: ShardParts, peers: MoverPeers) {
    this.#shard = shard;
    this.#store = store;
    this.#versions = versions;
    this.#route = route;
    this.#order = order;
    this.#peers = peers;
  }

  /** Takes an order; a repetition changes nothing, nor does one that comes after the shard was merged away. */
  begin(order: DrainOrder): void {
    const route = this.#route.get();
    if (route === undefined || route.since >= order.since) return;
    const end = this.#store.header()?.nextRow ?? 0;
    this.#store.atomically(() => {
      this.#order.put(order);
      this.#route.put({ ...route, since: order.since, task: { kind: 'drain', since: order.since, after: 0, end } });
    });
  }

  /** Does a slice; returns when to continue, or undefined when nothing is under way. */
  async step(nowMs: number): Promise<number | undefined> {
    const { task, ...route } = this.#route.get() ?? { task: null };
    if (task?.kind !== 'drain') return undefined;
    // A follower that reads the changes to their end waits for the mover: a move would be one more change after another.
    if (this.#store.access().mode === 'sealed') return nowMs + INDEX_LIMITS.routeRetryMs;
    const { due, nextMs } = this.#versions.leaving(nowMs, INDEX_LIMITS.moveLeaveMaxCount);
    if (due.length > 0) return this.#leave(due, task.since, nowMs);
    if (task.after < task.end) return this.#moveSlice(nowMs);
    if (nextMs !== undefined) return nextMs;
    const reported = await this.#peers.drained({ ordinal: (route as ShardRoute).ordinal, since: task.since });
    if (!reported.ok) return nowMs + INDEX_LIMITS.routeRetryMs;
    const now = this.#route.get();
    if (now?.task?.kind === 'drain' && now.task.since === task.since) this.#route.put({ ...now, task: null });
    return nowMs;
  }

  async #moveSlice(nowMs: number): Promise<number> {
    const route = must(this.#route.get(), 'a shard that drains knows its index');
    const header = must(this.#store.header(), 'a shard that drains is open');
    if (route.task?.kind !== 'drain') return nowMs;
    const { since, after, end } = route.task;
    const wished = this.#wishes(route.ordinal, header);
    const { isWhole } = wished;
    const found = this.#versions.wholeRows(after, sliceRows(header.dimensions, wished.shards), header.dimensions);
    const wishes = wishesOf(found, wished, header.dimensions);
    const granted: (Wish & { readonly isMove: boolean })[] = [];
    let busyAt = found.ids.length;
    const moves = [...grouped(wishes.map(({ at }) => locatorOf(found.namespaces[at]!, found.ids[at]!, route.locators)))];
    const answers = await Promise.all(
      moves.map(async ([locator, members]) => {
        const asked = members.map((i) => wishes[i]!);
        return { asked, answer: await this.#peers.move(locator, movesOf(found, asked, { from: route.ordinal, since, isWhole })) };
      }),
    );
    for (const { asked, answer } of answers) {
      if (!answer.ok) return nowMs + INDEX_LIMITS.routeRetryMs;
      for (const [i, wish] of asked.entries()) {
        const grant = answer.value[i];
        if (grant === 'busy') busyAt = Math.min(busyAt, wish.at);
        if (grant === 'copy' || grant === 'move') granted.push({ ...wish, isMove: grant === 'move' });
      }
    }
    const put = await putRows(this.#peers, { found, header, since, isWhole }, granted);
    if (put === undefined) return nowMs + INDEX_LIMITS.routeRetryMs;
    // Rows behind a busy one are looked at once more: what was granted before is granted again.
    const next = busyAt < found.ids.length ? (found.rows[busyAt - 1] ?? after) : (found.rows.at(-1) ?? end);
    const leaving = put.filter(({ at, isMove }) => isMove && at < busyAt).map(({ at }) => departingAt(found, at));
    this.#store.atomically(() => {
      this.#versions.leave(leaving, nowMs + INDEX_LIMITS.moveGraceMs);
      this.#route.put({ ...route, task: { kind: 'drain', since, after: next, end } });
    });
    return busyAt < found.ids.length ? nowMs + INDEX_LIMITS.moveBusyMs : nowMs;
  }

  async #leave(due: readonly Departing[], since: number, nowMs: number): Promise<number> {
    const route = must(this.#route.get(), 'a shard that drains knows its index');
    const header = () => must(this.#store.header(), 'a shard that drains is open');
    const { indexId } = header();
    // A newer row of an id is another row, and stays.
    const here = this.#versions.stillThere(due);
    for (const [namespace, members] of grouped(here.map((row) => row.namespace))) {
      this.#shard.delete({ indexId, caller: INDEX_OBJECT, selection: { kind: 'ids', namespace, ids: members.map((i) => here[i]!.id) } });
    }
    const { lsn } = header();
    const byLocator = grouped(due.map(({ namespace, id }) => locatorOf(namespace, id, route.locators)));
    const departed = await Promise.all(
      [...byLocator].map(([locator, members]) =>
        this.#peers.depart(locator, departuresOf(due, members, { from: route.ordinal, since, lsn })),
      ),
    );
    if (departed.some(({ ok }) => !ok)) return nowMs + INDEX_LIMITS.routeRetryMs;
    this.#versions.left(due);
    return nowMs;
  }

  #wishes(here: number, { metric, dimensions }: ShardHeader): RowWishes {
    const order = must(this.#order.get(), 'a shard that drains has an order');
    if (this.#known?.since !== order.since) {
      const space = { metric, dimensions: routedDimensions(dimensions) };
      this.#known = { since: order.since, wishes: new RowWishes(here, order, space) };
    }
    return this.#known.wishes;
  }
}

interface Wish extends RowWish {
  readonly at: number;
}

const wishesOf = ({ ids, namespaces, values }: WholeRows, wishes: RowWishes, dimensions: number): Wish[] =>
  ids.flatMap((id, at): Wish[] => {
    const wish = wishes.of(routedPoint(values, at, dimensions), slotOf(namespaces[at]!, id));
    return wish === undefined ? [] : [{ at, ...wish }];
  });

const movesOf = (found: WholeRows, wishes: readonly Wish[], order: Pick<RowMoves, 'from' | 'since' | 'isWhole'>): RowMoves => ({
  ids: wishes.map(({ at }) => found.ids[at]!),
  namespaces: wishes.map(({ at }) => found.namespaces[at]!),
  versions: wishes.map(({ at }) => found.versions[at]!),
  to: wishes.map(({ to }) => to),
  isNearer: wishes.map(({ isNearer }) => isNearer),
  isShared: wishes.map(({ isShared }) => isShared),
  ...order,
});

const departuresOf = (
  due: readonly Departing[],
  members: readonly number[],
  at: Pick<RowDepartures, 'from' | 'since' | 'lsn'>,
): RowDepartures => ({
  ids: members.map((i) => due[i]!.id),
  namespaces: members.map((i) => due[i]!.namespace),
  versions: members.map((i) => due[i]!.version),
  ...at,
});

const departingAt = ({ rows, namespaces, ids, versions }: WholeRows, at: number): Departing => ({
  row: rows[at]!,
  namespace: namespaces[at]!,
  id: ids[at]!,
  version: versions[at]!,
});
