import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import { locatorOf } from './locator-of.ts';
import type { RowVersions } from './row-versions.ts';
import type { RowKeys } from './rows.ts';
import type { Cell, ShardRoute } from './shard-route.ts';

/** Whom a shard tells about its ids. Every call may be refused with `unavailable`. */
export interface ExporterPeers {
  /** Ids that are there, and others that are not there any more. */
  adopt(locator: number, keys: RowKeys, removed: RowKeys): Promise<Outcome<null>>;
  /** Tells the index that the locators know every id: from then on it has routes, of version 1 or a later one. */
  exported(): Promise<Outcome<unknown>>;
}

/**
 * Hands the ids of an only shard over to locators, slice by slice and in the order of its rows, so that what is written meanwhile
 * comes later. Writes wait for the last few slices only.
 */
export class ShardExporter {
  readonly #versions: RowVersions;
  readonly #route: Cell<ShardRoute>;
  readonly #peers: ExporterPeers;

  constructor(versions: RowVersions, route: Cell<ShardRoute>, peers: ExporterPeers) {
    this.#versions = versions;
    this.#route = route;
    this.#peers = peers;
  }

  /** Takes the order to tell so many locators; a repetition changes nothing. */
  begin(locators: number): void {
    const route = must(this.#route.get(), 'a shard that is exported knows its index');
    if (route.locators > 0) return;
    this.#versions.beginExport();
    this.#route.put({ ...route, locators, task: { kind: 'export', after: 0, removedAfter: 0 } });
  }

  /** Does a slice; answers when to come back, or undefined when nothing is under way. */
  async step(nowMs: number): Promise<number | undefined> {
    const route = this.#route.get();
    if (route?.task?.kind !== 'export') return undefined;
    const { after, removedAfter } = route.task;
    const added = this.#versions.keysBehind(after, LIMITS.propertySliceMaxCount);
    const removed = this.#versions.removedBehind(removedAfter, LIMITS.propertySliceMaxCount);
    if (added.ids.length === 0 && removed.ids.length === 0 && route.isFenced) return this.#conclude(route, nowMs);
    if (!(await this.#tell(route, added, removed))) return nowMs + LIMITS.routeRetryMs;
    const isNearEnd = added.ids.length < LIMITS.propertySliceMaxCount && removed.ids.length < LIMITS.propertySliceMaxCount;
    // Written meanwhile: only what this slice saw has been told.
    const now = must(this.#route.get(), 'a shard that is exported knows its index');
    const task = { kind: 'export', after: added.rows.at(-1) ?? after, removedAfter: removed.positions.at(-1) ?? removedAfter } as const;
    this.#route.put({ ...now, task, isFenced: now.isFenced || isNearEnd });
    return nowMs;
  }

  async #tell({ locators }: ShardRoute, added: RowKeys, removed: RowKeys): Promise<boolean> {
    const gone = this.#versions.absent(removed);
    const byLocator = (keys: RowKeys) => grouped(keys.ids.map((id, i) => locatorOf(keys.namespaces[i]!, id, locators)));
    const [come, go] = [byLocator(added), byLocator(gone)];
    const asked = [...new Set([...come.keys(), ...go.keys()])];
    const told = await Promise.all(
      asked.map((locator) => this.#peers.adopt(locator, keysAt(added, come.get(locator)), keysAt(gone, go.get(locator)))),
    );
    return told.every(({ ok }) => ok);
  }

  async #conclude(route: ShardRoute, nowMs: number): Promise<number> {
    const told = await this.#peers.exported();
    if (!told.ok) return nowMs + LIMITS.routeRetryMs;
    this.#versions.endExport();
    this.#route.put({ ...route, since: 1, isFenced: false, task: null });
    return nowMs;
  }
}

const keysAt = ({ ids, namespaces }: RowKeys, positions: readonly number[] = []): RowKeys => ({
  ids: positions.map((at) => ids[at]!),
  namespaces: positions.map((at) => namespaces[at]!),
});
