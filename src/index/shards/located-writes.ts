import type { IndexManifest } from '../index-manifest.ts';
import { hasCallersKey } from '../../ann/receipts.ts';
import type { KnownRoutes } from '../routing/known-routes.ts';
import { locatorOf } from '../locators/locator-of.ts';
import type { SummarisedShard } from '../routing/routing-summary.ts';
import type { Claim } from '../locators/locator.ts';
import { rowsAt } from '../../ann/rows.ts';
import type { LocatedWritten } from '../../ann/rows.ts';
import type { AnswerOf } from '../../ann/shard-operations.ts';
import type { Deleted, DeleteSelection, ShardDelete, ShardSelect, UpsertBatch, Written } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { grouped } from '../../kernel/grouped.ts';
import { ok } from '../../kernel/result.ts';
import { allOf } from '../../contract/api/outcome.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { RouteCache } from '../routing/route-cache.ts';
import type { LocatorCalls, ShardCalls, WriteAt } from './shard-calls.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';

/** Writes to an index of several shards: each id's by its locator, all at once. */
export class LocatedWrites {
  readonly #routes: RouteCache;
  readonly #locators: LocatorCalls;
  readonly #shards: ShardCalls;
  readonly #seen: SeenLsns;

  constructor(routes: RouteCache, locators: LocatorCalls, shards: ShardCalls, seen: SeenLsns) {
    this.#routes = routes;
    this.#locators = locators;
    this.#shards = shards;
    this.#seen = seen;
  }

  /** Acknowledged once every vector is written; if refused otherwise than for the request's own fault, some may be, now or later. */
  upsert(manifest: IndexManifest, batch: UpsertBatch, authority: Authority | null): Promise<Outcome<Written>> {
    return this.#routes.using(manifest, async (routes) => {
      const claimed = await this.#claim({ manifest, caller: batch.caller, authority, routes }, batch);
      if (!claimed.ok) return claimed;
      const { wholeLsn, billing } = claimed.value;
      const billed = billing === null ? {} : { billing };
      if (wholeLsn !== null) return ok({ count: batch.ids.length, lsn: wholeLsn, ...billed });
      const parts = await this.#parts({ manifest, caller: batch.caller, authority, routes }, batch);
      if (!parts.ok) return parts;
      const written = await allOf(parts.value.map(({ sent }) => sent));
      return written.ok ? ok({ ...this.#together(manifest, written.value), ...billed }) : written;
    });
  }

  /** Whatever else a request under its key would write, one locator is asked first; of a key of the gateway's own, there is no whole receipt. */
  async #claim(index: RoutedIndex, { repetition }: UpsertBatch): Promise<Outcome<Claim>> {
    if (!hasCallersKey(repetition)) return ok({ wholeLsn: null, billing: null });
    return this.#locators.claim({ ...index, locator: locatorOf('', repetition.idempotencyKey, index.routes.summary.locators) }, repetition);
  }

  /** Writes those vectors whose versions are still the expected ones; answers the ids of the others. */
  replace(
    manifest: IndexManifest,
    batch: UpsertBatch,
    expected: readonly number[],
    authority: Authority | null,
  ): Promise<Outcome<Written & { readonly overtaken: string[] }>> {
    return this.#routes.using(manifest, async (routes) => {
      const parts = await this.#parts({ manifest, caller: batch.caller, authority, routes }, batch, expected);
      if (!parts.ok) return parts;
      const written = await allOf(parts.value.map(({ sent }) => sent));
      if (!written.ok) return written;
      const overtaken = written.value.flatMap(({ skipped = [] }, part) =>
        skipped.map((at) => batch.ids[parts.value[part]?.positions[at] ?? -1] ?? ''),
      );
      return ok({ ...this.#together(manifest, written.value), overtaken });
    });
  }

  /** The parts of a batch by their locators, as sent. */
  async #parts(index: RoutedIndex, batch: UpsertBatch, expected?: readonly number[]): Promise<Outcome<Part[]>> {
    const { ids, namespaces, repetition: idempotency } = batch;
    const { version: routeVersion, locators } = index.routes.summary;
    const placed = await index.routes.placesFor(batch);
    if (!placed.ok) return placed;
    const parts = [...grouped(ids.map((id, i) => locatorOf(namespaces[i] ?? '', id, locators)))].map(([locator, positions]) => {
      const condition = expected === undefined ? {} : { expected: positions.map((at) => expected[at] ?? 0) };
      const part = {
        routeVersion,
        places: positions.map((at) => placed.value[at] ?? []),
        idempotency,
        lsnSeen: this.#seen.of(index.manifest),
        ...condition,
      };
      return { positions, sent: this.#locators.write({ ...index, locator }, { ...rowsAt(batch, positions), ...part }) };
    });
    return ok(parts);
  }

  async delete(manifest: IndexManifest, { caller, selection }: ShardDelete, authority: Authority | null): Promise<Outcome<Deleted>> {
    // What was deleted by older routes counts, too.
    let deleted: Written = { count: 0, lsn: 0 };
    const outcome = await this.#routes.using(manifest, (routes) =>
      this.#delete({ manifest, caller, authority, routes }, selection, (written) => {
        deleted = this.#together(manifest, [deleted, written]);
      }),
    );
    return outcome.ok ? ok({ ...deleted, next: null }) : outcome;
  }

  async #delete(index: RoutedIndex, selection: DeleteSelection, count: Count): Promise<Outcome<null>> {
    if (selection.kind === 'filter') return this.#deleteSelected(index, selection, count);
    const written =
      selection.kind === 'ids'
        ? await this.#remove(index, selection.namespace, [...new Set(selection.ids)], null)
        : await this.#clear(index);
    if (!written.ok) return written;
    count(together(written.value));
    return ok(null);
  }

  /**
   * Shard by shard. What moves meanwhile moves from a shard that was asked before the one it comes to; if that changes on the way, a
   * shard refuses, and all are asked once more.
   */
  async #deleteSelected(
    index: RoutedIndex,
    { namespace, filter }: Extract<DeleteSelection, { kind: 'filter' }>,
    count: Count,
  ): Promise<Outcome<null>> {
    const { manifest, caller } = index;
    const { version: routeVersion, shards } = index.routes.summary;
    const sourcesFirst = [...shards].sort((a, b) => rankOf(a) - rankOf(b));
    for (const { ordinal } of sourcesFirst) {
      for (let after: number | null = 0; after !== null;) {
        const call: ShardSelect = { indexId: manifest.id, caller, routeVersion, namespace, filter, after };
        const selected: Awaited<AnswerOf<'select'>> = await this.#shards.read(manifest, ordinal, 'select', call);
        if (!selected.ok) return selected;
        const { ids, versions, next } = selected.value;
        const removed = await this.#remove(index, namespace, ids, versions);
        if (!removed.ok) return removed;
        count(together(removed.value));
        after = next;
      }
    }
    return ok(null);
  }

  #together(manifest: IndexManifest, parts: readonly Written[]): Written {
    const written = together(parts);
    this.#seen.note(manifest, written.lsn);
    return written;
  }

  #clear(index: RoutedIndex): Promise<Outcome<Written[]>> {
    const lsnSeen = this.#seen.of(index.manifest);
    const { locators } = index.routes.summary;
    return allOf(Array.from({ length: locators }, (_, locator) => this.#locators.clear({ ...index, locator }, lsnSeen)));
  }

  async #remove(
    index: RoutedIndex,
    namespace: string,
    ids: readonly string[],
    expected: readonly number[] | null,
  ): Promise<Outcome<Written[]>> {
    const { locators } = index.routes.summary;
    const parts = [...grouped(ids.map((id) => locatorOf(namespace, id, locators)))];
    return allOf(
      parts.map(([locator, positions]) =>
        this.#locators.remove(
          { ...index, locator },
          {
            ids: positions.map((at) => ids[at] ?? ''),
            namespaces: positions.map(() => namespace),
            expected: expected === null ? null : positions.map((at) => expected[at] ?? 0),
            lsnSeen: this.#seen.of(index.manifest),
          },
        ),
      ),
    );
  }
}

/** What a locator gets of a batch, and its answer. */
interface Part {
  readonly positions: readonly number[];
  readonly sent: Promise<Outcome<LocatedWritten>>;
}

type Count = (written: Written) => void;

/** An index as called under some routes. */
interface RoutedIndex extends Omit<WriteAt, 'locator'> {
  readonly routes: KnownRoutes;
}

const rankOf = ({ state }: SummarisedShard): number => (state.kind === 'serving' ? 1 : 0);

const together = (parts: readonly Written[]): Written => ({
  count: parts.reduce((sum, { count }) => sum + count, 0),
  lsn: parts.reduce((most, { lsn }) => Math.max(most, lsn), 0),
});

/** The highest LSN that this isolate has seen of each index: what it writes later is above. Of the indexes that it saw something of last. */
export class SeenLsns {
  readonly #lsns = new Map<string, number>();

  of({ id }: IndexManifest): number {
    return this.#lsns.get(id) ?? 0;
  }

  note(manifest: IndexManifest, lsn: number): void {
    const highest = Math.max(lsn, this.of(manifest));
    this.#lsns.delete(manifest.id);
    this.#lsns.set(manifest.id, highest);
    dropOldest(this.#lsns, INDEX_LIMITS.seenIndexesMaxCount);
  }
}
