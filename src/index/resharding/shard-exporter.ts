import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { must } from '../../kernel/assert.ts';
import { grouped } from '../../kernel/grouped.ts';
import type { KeyedReceipt } from '../../ann/receipts.ts';
import { receiptsByLocator, locatorOf } from '../locators/locator-of.ts';
import type { VectorStore } from '../../ann/store/vector-store.ts';
import type { RowVersions } from './row-versions.ts';
import type { ShardParts } from './shard-mover.ts';
import type { RowKeys } from '../../ann/rows.ts';
import type { Cell, ShardRoute } from '../routing/shard-route.ts';

/** RPCs by which a shard exports its ids. Every call may be refused with `unavailable`. */
export interface ExporterPeers {
  /** Ids that are there, others that are not there any more, and what is known of requests. */
  adopt(locator: number, keys: RowKeys, removed: RowKeys, receipts: readonly KeyedReceipt[]): Promise<Outcome<null>>;
  /** Reports to the index that the locators have every id: from then on it has routes, of version 1 or later. */
  exported(): Promise<Outcome<unknown>>;
}

/**
 * Hands the ids of an only shard over to locators, and its receipts, slice by slice and in the order of its rows, so that what is
 * written meanwhile comes later. Writes wait for the last few slices only.
 */
export class ShardExporter {
  readonly #store: Pick<VectorStore, 'receipts'>;
  readonly #versions: RowVersions;
  readonly #route: Cell<ShardRoute>;
  readonly #peers: ExporterPeers;

  constructor({ store, versions, route }: Pick<ShardParts, 'store' | 'versions' | 'route'>, peers: ExporterPeers) {
    this.#store = store;
    this.#versions = versions;
    this.#route = route;
    this.#peers = peers;
  }

  /** Accepts the order to export to this many locators; a repetition changes nothing. */
  begin(locators: number): void {
    const route = must(this.#route.get(), 'a shard that is exported knows its index');
    if (route.locators > 0) return;
    this.#versions.beginExport();
    this.#route.put({ ...route, locators, task: { kind: 'export', after: 0, removedAfter: 0 } });
  }

  /** Does a slice; returns when to continue, or undefined when nothing is under way. */
  async step(nowMs: number): Promise<number | undefined> {
    const route = this.#route.get();
    if (route?.task?.kind !== 'export') return undefined;
    const { after, removedAfter, receiptsAfter = 0 } = route.task;
    const added = this.#versions.keysBehind(after, INDEX_LIMITS.propertySliceMaxCount);
    const removed = this.#versions.removedBehind(removedAfter, INDEX_LIMITS.propertySliceMaxCount);
    const { receipts, next } = this.#store.receipts.behind(receiptsAfter, INDEX_LIMITS.receiptPageMaxCount);
    const count = added.ids.length + removed.ids.length + receipts.length;
    if (count === 0 && route.isFenced) return this.#conclude(route, nowMs);
    if (!(await this.#send(route, added, removed, receipts))) return nowMs + INDEX_LIMITS.routeRetryMs;
    const isNearEnd =
      Math.max(added.ids.length, removed.ids.length) < INDEX_LIMITS.propertySliceMaxCount &&
      receipts.length < INDEX_LIMITS.receiptPageMaxCount;
    // Rows written meanwhile follow in a later slice: only what this slice saw has been sent.
    const now = must(this.#route.get(), 'a shard that is exported knows its index');
    const goOn = { after: added.rows.at(-1) ?? after, removedAfter: removed.positions.at(-1) ?? removedAfter, receiptsAfter: next };
    this.#route.put({ ...now, task: { kind: 'export', ...goOn }, isFenced: now.isFenced || isNearEnd });
    return nowMs;
  }

  async #send({ locators }: ShardRoute, added: RowKeys, removed: RowKeys, receipts: readonly KeyedReceipt[]): Promise<boolean> {
    const gone = this.#versions.absent(removed);
    const byLocator = (keys: RowKeys) => grouped(keys.ids.map((id, i) => locatorOf(keys.namespaces[i]!, id, locators)));
    const [come, go, known] = [byLocator(added), byLocator(gone), receiptsByLocator(receipts, locators)];
    const asked = [...new Set([...come.keys(), ...go.keys(), ...known.keys()])];
    const adopted = await Promise.all(
      asked.map((locator) =>
        this.#peers.adopt(locator, keysAt(added, come.get(locator)), keysAt(gone, go.get(locator)), known.get(locator) ?? []),
      ),
    );
    return adopted.every(({ ok }) => ok);
  }

  async #conclude(route: ShardRoute, nowMs: number): Promise<number> {
    const reported = await this.#peers.exported();
    if (!reported.ok) return nowMs + INDEX_LIMITS.routeRetryMs;
    this.#versions.endExport();
    this.#route.put({ ...route, since: 1, isFenced: false, task: null });
    return nowMs;
  }
}

const keysAt = ({ ids, namespaces }: RowKeys, positions: readonly number[] = []): RowKeys => ({
  ids: positions.map((at) => ids[at]!),
  namespaces: positions.map((at) => namespaces[at]!),
});
