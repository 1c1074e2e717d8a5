import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { insiderId } from '../generations/gate.ts';
import type { Shard } from '../shard.ts';
import type { VectorStore } from '../vector-store.ts';
import { locatorOf } from './locator-of.ts';
import { placesOf } from './places-of.ts';
import { Router } from './router.ts';
import { rowsAt } from './rows-at.ts';
import type { Departing, RowVersions, WholeRows } from './row-versions.ts';
import type { MoveAnswer, RowDepartures, RowMoves, RowPut } from './rows.ts';
import type { Cell, DrainOrder, ShardRoute } from './shard-route.ts';
import { slotOf } from './slot-range.ts';

/** Whom a shard that drains asks. Every call may be refused with `unavailable`. */
export interface MoverPeers {
  move(locator: number, moves: RowMoves): Promise<Outcome<MoveAnswer[]>>;
  depart(locator: number, departures: RowDepartures): Promise<Outcome<null>>;
  put(ordinal: number, rows: RowPut): Promise<Outcome<unknown>>;
  /** Tells the index that nothing is left to move. */
  drained(shard: { readonly ordinal: number; readonly since: number }): Promise<Outcome<unknown>>;
}

/** Rows of one slice of moving: some milliseconds. */
export const sliceRows = (dimensions: number): number => Math.max(16, Math.min(128, Math.floor(8_192 / dimensions)));

/**
 * Moves the rows of a shard that belong to others, slice by slice. A row first gets its second place at its locator, so that from then
 * on every write reaches both; then it is copied; it leaves when every query that may look for it only here is over.
 */
export class ShardMover {
  readonly #shard: Shard;
  readonly #store: VectorStore;
  readonly #versions: RowVersions;
  readonly #route: Cell<ShardRoute>;
  readonly #peers: MoverPeers;
  #router: { readonly since: number; readonly router: Router } | undefined;

  constructor(shard: Shard, store: VectorStore, versions: RowVersions, route: Cell<ShardRoute>, peers: MoverPeers) {
    this.#shard = shard;
    this.#store = store;
    this.#versions = versions;
    this.#route = route;
    this.#peers = peers;
  }

  /** Takes an order; a repetition changes nothing. */
  begin(order: DrainOrder): void {
    const route = must(this.#route.get(), 'a shard that drains knows its index');
    if (route.since >= order.since) return;
    const end = this.#store.header()?.nextRow ?? 0;
    this.#route.put({ ...route, since: order.since, task: { kind: 'drain', order, after: 0, end } });
  }

  /** Does a slice; answers when to come back, or undefined when nothing is under way. */
  async step(nowMs: number): Promise<number | undefined> {
    const { task, ...route } = this.#route.get() ?? { task: null };
    if (task?.kind !== 'drain') return undefined;
    // Whoever follows the changes to their end waits for it: a move would be one after the other.
    if (this.#store.gate().gate === 'sealed') return nowMs + LIMITS.routeRetryMs;
    const { due, nextMs } = this.#versions.leaving(nowMs, LIMITS.moveLeaveMaxCount);
    if (due.length > 0) return this.#leave(due, task.order, nowMs);
    if (task.after < task.end) return this.#moveSlice(nowMs);
    if (nextMs !== undefined) return nextMs;
    const told = await this.#peers.drained({ ordinal: (route as ShardRoute).ordinal, since: task.order.since });
    if (!told.ok) return nowMs + LIMITS.routeRetryMs;
    const now = this.#route.get();
    if (now?.task?.kind === 'drain' && now.task.order.since === task.order.since) this.#route.put({ ...now, task: null });
    return nowMs;
  }

  async #moveSlice(nowMs: number): Promise<number> {
    const route = must(this.#route.get(), 'a shard that drains knows its index');
    const header = must(this.#store.header(), 'a shard that drains is open');
    if (route.task?.kind !== 'drain') return nowMs;
    const { order, after, end } = route.task;
    const found = this.#versions.wholeRows(after, sliceRows(header.dimensions), header.dimensions);
    const wishes = this.#wishes(found, route.ordinal, order, header.dimensions);
    const granted: (Wish & { readonly isMove: boolean })[] = [];
    let busyAt = found.ids.length;
    const moves = [...grouped(wishes.map(({ at }) => locatorOf(found.namespaces[at]!, found.ids[at]!, route.locators)))];
    const answers = await Promise.all(
      moves.map(async ([locator, members]) => {
        const asked = members.map((i) => wishes[i]!);
        return { asked, answer: await this.#peers.move(locator, movesOf(found, asked, route.ordinal, order.since)) };
      }),
    );
    for (const { asked, answer } of answers) {
      if (!answer.ok) return nowMs + LIMITS.routeRetryMs;
      for (const [i, wish] of asked.entries()) {
        const fate = answer.value[i];
        if (fate === 'busy') busyAt = Math.min(busyAt, wish.at);
        if (fate === 'copy' || fate === 'move') granted.push({ ...wish, isMove: fate === 'move' });
      }
    }
    const puts = [...grouped(granted.map(({ to }) => to))].map(([to, members]) => {
      const positions = members.map((i) => granted[i]!.at);
      const versions = positions.map((at) => found.versions[at]!);
      const { indexId, lsn: lsnSeen } = header;
      return this.#peers.put(to, { indexId, routeVersion: order.since, versions, lsnSeen, ...rowsAt(found, positions) });
    });
    for (const put of await Promise.all(puts)) if (!put.ok) return nowMs + LIMITS.routeRetryMs;
    // Rows behind a busy one are looked at once more: what was granted before is granted again.
    const next = busyAt < found.ids.length ? (found.rows[busyAt - 1] ?? after) : (found.rows.at(-1) ?? end);
    const leaving = granted.filter(({ at, isMove }) => isMove && at < busyAt).map(({ at }) => departingAt(found, at));
    this.#store.atomically(() => {
      this.#versions.leave(leaving, nowMs + LIMITS.moveGraceMs);
      this.#route.put({ ...route, task: { kind: 'drain', order, after: next, end } });
    });
    return busyAt < found.ids.length ? nowMs + LIMITS.moveBusyMs : nowMs;
  }

  async #leave(due: readonly Departing[], { since }: DrainOrder, nowMs: number): Promise<number> {
    const route = must(this.#route.get(), 'a shard that drains knows its index');
    const header = () => must(this.#store.header(), 'a shard that drains is open');
    const { indexId } = header();
    // A newer row of an id is another row, and stays.
    const here = this.#versions.stillThere(due);
    for (const [namespace, members] of grouped(here.map((row) => row.namespace))) {
      this.#shard.delete({ indexId: insiderId(indexId), selection: { kind: 'ids', namespace, ids: members.map((i) => here[i]!.id) } });
    }
    const { lsn } = header();
    const byLocator = grouped(due.map(({ namespace, id }) => locatorOf(namespace, id, route.locators)));
    const told = await Promise.all(
      [...byLocator].map(([locator, members]) =>
        this.#peers.depart(locator, departuresOf(due, members, { from: route.ordinal, since, lsn })),
      ),
    );
    if (told.some(({ ok: isTold }) => !isTold)) return nowMs + LIMITS.routeRetryMs;
    this.#versions.left(due);
    return nowMs;
  }

  /** Which of the rows should be elsewhere, too or only. */
  #wishes(found: WholeRows, here: number, order: DrainOrder, dimensions: number): Wish[] {
    if (this.#router?.since !== order.since) {
      const { metric } = must(this.#store.header(), 'a shard that drains is open');
      this.#router = { since: order.since, router: new Router({ metric, dimensions, shards: order.shards }) };
    }
    const { router } = this.#router;
    return found.ids.flatMap((id, at): Wish[] => {
      const ranked = router.rankForPlacing(
        found.values.subarray(at * dimensions, (at + 1) * dimensions),
        slotOf(found.namespaces[at]!, id),
      );
      const places = placesOf(ranked, order.closure);
      const to = places.find((place) => place !== here);
      return to === undefined ? [] : [{ at, to, isNearer: places[0] === to, isShared: places.includes(here) }];
    });
  }
}

interface Wish {
  readonly at: number;
  readonly to: number;
  readonly isNearer: boolean;
  readonly isShared: boolean;
}

const movesOf = (found: WholeRows, wishes: readonly Wish[], from: number, since: number): RowMoves => ({
  ids: wishes.map(({ at }) => found.ids[at]!),
  namespaces: wishes.map(({ at }) => found.namespaces[at]!),
  versions: wishes.map(({ at }) => found.versions[at]!),
  to: wishes.map(({ to }) => to),
  isNearer: wishes.map(({ isNearer }) => isNearer),
  isShared: wishes.map(({ isShared }) => isShared),
  from,
  since,
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
