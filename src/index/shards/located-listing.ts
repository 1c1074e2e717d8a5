import { compareIds } from '../../ann/id-order.ts';
import type { IndexManifest } from '../index-manifest.ts';
import { gatherColumns, newestOf } from '../fan-out/answer-columns.ts';
import type { AnswerOf } from '../../ann/shard-operations.ts';
import type { Counted, ListedVectors, ShardCount, ShardList, ShardSelect } from '../../ann/shard-protocol.ts';
import { isBare } from '../../ann/shard-protocol.ts';
import type { Filter } from '../../contract/vectors/filter.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { allOf } from '../../contract/api/outcome.ts';
import type { LocatedReads } from './located-reads.ts';
import type { RouteCache } from '../routing/route-cache.ts';
import type { ShardCalls } from './shard-calls.ts';

/** Lists and counts the vectors of an index of several shards: all are asked, and copies of a vector count once. */
export class LocatedListing {
  readonly #routes: RouteCache;
  readonly #shards: ShardCalls;
  readonly #reads: LocatedReads;

  constructor(routes: RouteCache, shards: ShardCalls, reads: LocatedReads) {
    this.#routes = routes;
    this.#shards = shards;
    this.#reads = reads;
  }

  /** Every shard lists the ids of a whole page; the included columns are fetched only for the ids that are on the merged page. */
  async list(manifest: IndexManifest, list: ShardList): Promise<Outcome<ListedVectors>> {
    const { indexId, caller, namespace, include } = list;
    const listed = await this.#listIds(manifest, { ...list, include: { values: false, metadata: false, text: false } });
    if (!listed.ok || listed.value.ids.length === 0 || isBare(include)) return listed;
    const fetched = await this.#reads.fetch(manifest, { indexId, caller, namespace, ids: listed.value.ids, include });
    return fetched.ok ? ok({ ...fetched.value, next: listed.value.next, lsn: listed.value.lsn }) : fetched;
  }

  #listIds(manifest: IndexManifest, list: ShardList): Promise<Outcome<ListedVectors>> {
    return this.#routes.using(manifest, async ({ summary: { version: routeVersion, shards } }) => {
      const pages = await allOf(shards.map(({ ordinal }) => this.#shards.read(manifest, ordinal, 'list', { ...list, routeVersion })));
      if (!pages.ok) return pages;
      // Up to the first of these, nothing is missing from any page.
      const ends = pages.value.flatMap(({ next }) => next ?? []).sort(compareIds);
      const ordered = [...newestOf(pages.value)]
        .filter(([id]) => ends[0] === undefined || compareIds(id, ends[0]) <= 0)
        .sort(([a], [b]) => compareIds(a, b));
      const chosen = ordered.slice(0, list.limit);
      const columns = gatherColumns(
        pages.value,
        chosen.map(([, found]) => found),
        manifest.dimensions,
        list.include,
      );
      const isCut = ordered.length > chosen.length;
      return ok({ ...columns, next: isCut ? (chosen.at(-1)?.[0] ?? null) : (ends[0] ?? null) });
    });
  }

  async count(manifest: IndexManifest, { filter, ...count }: ShardCount): Promise<Outcome<Counted>> {
    const ids = await this.selected(manifest, { ...count, filter: filter ?? EVERYTHING });
    return ids.ok ? ok({ count: ids.value.ids.size, lsn: ids.value.lsn }) : ids;
  }

  /** The ids that a filter accepts, slice by slice. */
  selected(manifest: IndexManifest, asked: Omit<ShardSelect, 'after'>): Promise<Outcome<Selected>> {
    return this.#routes.using(manifest, async ({ summary: { version: routeVersion, shards } }) => {
      const ids = new Set<string>();
      let lsn = 0;
      const walked = await allOf(
        shards.map(async ({ ordinal }): Promise<Outcome<null>> => {
          for (let after: number | null = 0; after !== null;) {
            const call: ShardSelect = { ...asked, routeVersion, after };
            const slice: Awaited<AnswerOf<'select'>> = await this.#shards.read(manifest, ordinal, 'select', call);
            if (!slice.ok) return slice;
            for (const id of slice.value.ids) ids.add(id);
            lsn = Math.max(lsn, slice.value.lsn);
            after = slice.value.next;
          }
          return ok(null);
        }),
      );
      return walked.ok ? ok({ ids, lsn }) : walked;
    });
  }
}

/** The ids that a filter accepts, each once. */
interface Selected {
  readonly ids: Set<string>;
  readonly lsn: number;
}

const EVERYTHING: Filter = { kind: 'and', of: [] };
