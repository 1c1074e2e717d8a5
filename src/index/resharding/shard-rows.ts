import { CAPACITY_LIMITS } from '../../ann/engine/memtable.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { grouped } from '../../kernel/grouped.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import { INDEX_OBJECT, STALE_ROUTE } from '../../ann/access-mode.ts';
import type { Routed } from '../../ann/shard-protocol.ts';
import type { Shard } from '../../ann/shard/shard.ts';
import type { VectorStore } from '../../ann/store/vector-store.ts';
import { locatorOf } from '../locators/locator-of.ts';
import type { RowVersions } from './row-versions.ts';
import type { RowClearing, RowKeys, RowPut, RowRemoval, RowsAsOf, RowsCleared } from '../../ann/rows.ts';
import { rowsAt } from '../../ann/rows.ts';
import type { Cell, ShardRoute } from '../routing/shard-route.ts';

/** The rows of a shard of several, as locators and other shards write them: each call may come late, or twice. */
export class ShardRows {
  readonly #shard: Shard;
  readonly #store: VectorStore;
  readonly #versions: RowVersions;
  readonly #route: Cell<ShardRoute>;

  constructor(shard: Shard, store: VectorStore, versions: RowVersions, route: Cell<ShardRoute>) {
    this.#shard = shard;
    this.#store = store;
    this.#versions = versions;
    this.#route = route;
  }

  /** Refuses calls that were routed before this shard's region became what it is. */
  checkRead({ routeVersion = 0 }: Routed): Outcome<null> {
    return routeVersion >= (this.#route.get()?.since ?? 0) ? ok(null) : STALE_ROUTE;
  }

  /** The same, and writes while the ids are handed over. */
  checkWrite(call: Routed): Outcome<null> {
    const isFenced = this.#route.get()?.isFenced === true && (call.routeVersion ?? 0) === 0;
    return isFenced ? STALE_ROUTE : this.checkRead(call);
  }

  /** A write that did not fit will fit once the shard is split; a shard that does not know its index stays full. */
  unlessFull<T>(written: Outcome<T>): Outcome<T> {
    const isFull =
      !written.ok && written.error.code === 'limit_exceeded' && CAPACITY_LIMITS.some((name) => name === written.error.limit?.name);
    return isFull && this.#route.get() !== undefined ? FULL : written;
  }

  /** Which of some rows would be news, by their positions. */
  lacking(rows: RowsAsOf): Outcome<number[]> {
    const state = this.#state(rows);
    return state.ok ? ok(this.#news(rows)) : state;
  }

  /** Writes those that are news. */
  put(rows: RowPut, nowMs: number): Outcome<{ lsn: number }> {
    const allowed = this.checkWrite(rows);
    if (!allowed.ok) return allowed;
    const state = this.#state(rows);
    if (!state.ok) return state;
    const chosen = this.#news(rows);
    if (chosen.length === 0) return state;
    const versions = chosen.map((i) => rows.versions[i]!);
    return this.unlessFull(
      this.#shard.upsert(
        { indexId: rows.indexId, caller: INDEX_OBJECT, ...rowsAt(rows, chosen), versions, repetition: null, lsnSeen: rows.lsnSeen },
        nowMs,
      ),
    );
  }

  remove(removal: RowRemoval, nowMs: number): Outcome<{ lsn: number }> {
    const { indexId, version } = removal;
    return this.#store.atomically(() => {
      const state = this.#state(removal);
      if (!state.ok) return state;
      const older = [...this.#versions.newsFrom(removal).entries()].flatMap(([i, from]) => (from > version ? [] : [i]));
      this.#versions.bury(removal, version, nowMs);
      return this.#delete(indexId, removal, older, Math.max(state.value.lsn, removal.lsnSeen));
    });
  }

  /** A slice of a clearing. */
  clear({ indexId, locator, version, after, lsnSeen }: RowClearing): Outcome<RowsCleared> {
    return this.#store.atomically(() => {
      const state = this.#state({ indexId });
      if (!state.ok) return state;
      this.#versions.raiseFloor(locator, version);
      const { rows, ids, namespaces, versions } = this.#versions.keysBehind(after, INDEX_LIMITS.propertySliceMaxCount);
      const locators = this.#route.get()?.locators ?? 1;
      const old = [...ids.keys()].filter((i) => versions[i]! < version && locatorOf(namespaces[i]!, ids[i]!, locators) === locator);
      const deleted = this.#delete(indexId, { ids, namespaces }, old, Math.max(state.value.lsn, lsnSeen));
      if (!deleted.ok) return deleted;
      const { lsn } = deleted.value;
      return ok({ lsn, next: rows.length < INDEX_LIMITS.propertySliceMaxCount ? null : (rows.at(-1) ?? null) });
    });
  }

  #news(rows: Omit<RowsAsOf, 'indexId'>): number[] {
    const floors = this.#versions.floors();
    const news = this.#versions.newsFrom(rows);
    const locators = this.#route.get()?.locators ?? 1;
    const isNews = (i: number): boolean => {
      const version = rows.versions[i]!;
      return (
        version >= news[i]! && (floors.size === 0 || version >= (floors.get(locatorOf(rows.namespaces[i]!, rows.ids[i]!, locators)) ?? 0))
      );
    };
    return rows.ids.flatMap((_, i) => (isNews(i) ? [i] : []));
  }

  #delete(indexId: IndexId, { ids, namespaces }: RowKeys, positions: readonly number[], lsnBefore: number): Outcome<{ lsn: number }> {
    let lsn = lsnBefore;
    for (const [namespace, members] of grouped(positions.map((at) => namespaces[at]!))) {
      const selection = { kind: 'ids', namespace, ids: members.map((i) => ids[positions[i]!]!) } as const;
      const deleted = this.#shard.delete({ indexId, caller: INDEX_OBJECT, selection, lsnSeen: lsn });
      if (!deleted.ok) return deleted;
      ({ lsn } = deleted.value);
    }
    return ok({ lsn });
  }

  #state({ indexId }: Pick<RowPut, 'indexId'>): Outcome<{ lsn: number }> {
    const header = this.#store.header();
    return header?.indexId === indexId ? ok({ lsn: header.lsn }) : refuse('index_not_found', 'the shard was merged away', 'index');
  }
}

const FULL = refuse('index_growing', 'a shard of the index is full until it is split; retry later');
