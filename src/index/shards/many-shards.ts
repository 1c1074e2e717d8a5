import type { Addressed } from '../../ann/access-mode.ts';
import { maximalMarginalRelevance } from '../../ann/shard/mmr.ts';
import type { AnswerOf, MergedRead, Merges, RequestOf, ShardWrite } from '../../ann/shard-operations.ts';
import { MERGES } from '../../ann/shard-operations.ts';
import type { ShardMatches, ShardQuery, ShardStats } from '../../ann/shard-protocol.ts';
import { isBare } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { FieldSearch } from '../fan-out/field-search.ts';
import { fetchedMatches } from '../fan-out/answer-columns.ts';
import type { Reading } from '../fan-out/shard-reads.ts';
import type { RoutedSearch } from '../fan-out/routed-search.ts';
import type { IndexManifest } from '../index-manifest.ts';
import { RouteCache } from '../routing/route-cache.ts';
import type { RouteReader } from '../routing/route-reader.ts';
import { allOf } from '../../contract/api/outcome.ts';
import type { IndexFieldSearch, IndexRead, ShardSet } from './index-shards.ts';
import { LocatedListing } from './located-listing.ts';
import { LocatedPatch } from './located-patch.ts';
import { LocatedReads } from './located-reads.ts';
import { LocatedWrites, SeenLsns } from './located-writes.ts';
import { measureRouted } from './routed-recall.ts';
import type { LocatorCalls, ShardCalls } from './shard-calls.ts';

export interface ManyShardsParts {
  readonly shards: ShardCalls;
  readonly locators: LocatorCalls;
  readonly search: RoutedSearch;
  readonly fields: FieldSearch;
  /** What the isolate remembers of routes. */
  readonly reader: RouteReader;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

/** What an isolate needs for the indexes of several shards, whichever they are. */
export class LocatedOperations {
  readonly shards: ShardCalls;
  readonly locators: LocatorCalls;
  readonly search: RoutedSearch;
  readonly fields: FieldSearch;
  readonly seen = new SeenLsns();
  readonly routes: RouteCache;
  readonly reads: LocatedReads;
  readonly writes: LocatedWrites;
  readonly listing: LocatedListing;
  readonly patches: LocatedPatch;

  constructor({ shards, locators, search, fields, reader, ...sharing }: ManyShardsParts) {
    this.shards = shards;
    this.locators = locators;
    this.search = search;
    this.fields = fields;
    this.routes = new RouteCache(shards, reader, sharing);
    this.reads = new LocatedReads(this.routes, locators, shards);
    this.writes = new LocatedWrites(this.routes, locators, shards, this.seen);
    this.listing = new LocatedListing(this.routes, shards, this.reads);
    this.patches = new LocatedPatch(this.reads, this.listing, this.writes);
  }
}

type Reads = { readonly [Name in IndexRead]: (request: RequestOf<Name>) => AnswerOf<Name> };
type Writes = { readonly [Name in ShardWrite]: (request: RequestOf<Name>, authority: Authority | null) => AnswerOf<Name> };

/** The shards of an index that has several: each read by the routes, each id written through its locator. */
export class ManyShards implements ShardSet {
  readonly #manifest: IndexManifest;
  readonly #located: LocatedOperations;
  /** Those that take more than one call of every shard. */
  readonly #composed: Omit<Reads, MergedRead>;
  readonly #writes: Writes;

  constructor(manifest: IndexManifest, located: LocatedOperations) {
    const { listing, patches, reads, writes } = located;
    this.#manifest = manifest;
    this.#located = located;
    this.#composed = {
      list: (list) => listing.list(manifest, list),
      count: (count) => listing.count(manifest, count),
      measureRecall: (recall) => measureRouted(this, manifest, recall),
      highlight: (asked) => reads.highlight(manifest, asked),
    };
    this.#writes = {
      upsert: (batch, authority) => writes.upsert(manifest, batch, authority),
      delete: (deletion, authority) => writes.delete(manifest, deletion, authority),
      patch: (patch, authority) => patches.patch(manifest, patch, authority),
    };
  }

  /** Always strongly: their ids are located by their locators, which serialise the writes. */
  fetch(fetch: RequestOf<'fetch'>): AnswerOf<'fetch'> {
    return this.#located.reads.fetch(this.#manifest, fetch);
  }

  async query(query: ShardQuery, reading?: Reading): Promise<Outcome<ShardMatches>> {
    const manifest = this.#manifest;
    const { reads, routes, search, seen } = this.#located;
    const { target, excludeIds, mmr, include } = query;
    const point = await reads.pointOf(manifest, query);
    if (!point.ok) return point;
    // Examples are no matches: the caller has seen them.
    const examples = target.kind === 'examples' ? [...target.positive, ...target.negative] : [];
    const { mmr: _, ...plain } = query;
    const wanted: ShardQuery = {
      ...plain,
      target: { kind: 'values', values: point.value },
      excludeIds: [...excludeIds, ...examples],
      ...(mmr === undefined ? {} : { topK: mmr.candidates, include: { ...include, values: true } }),
    };
    const lsnSeen = seen.of(manifest);
    const searched = await routes.using(manifest, (known) => search.search(manifest, known, wanted, reading));
    // Of several searches, the caller reads what is included of one after another.
    const isFilledLater = reading?.part !== undefined && mmr === undefined;
    const found = searched.ok && !isFilledLater ? await this.#filled(wanted, searched.value) : searched;
    if (!found.ok) return found;
    // A whole and strong answer has all that was acknowledged before, by shards that were not asked, too.
    const isStrong = reading === undefined || reading.consistency.kind === 'strong';
    const hasAll = isStrong && found.value.missing === undefined;
    const matches = hasAll ? { ...found.value, lsn: Math.max(found.value.lsn, lsnSeen) } : found.value;
    seen.note(manifest, matches.lsn);
    return ok(mmr === undefined ? matches : diversified(manifest, matches, query));
  }

  async searchFields(search: IndexFieldSearch, reading?: Reading): Promise<Outcome<ShardMatches>> {
    const { fields, routes, seen } = this.#located;
    const searched = await routes.using(this.#manifest, (known) => fields.search(this.#manifest, known, search, reading));
    const found = searched.ok ? await this.#filled(search, searched.value) : searched;
    if (found.ok) seen.note(this.#manifest, found.value.lsn);
    return found;
  }

  /** What shards had no room for is fetched of the closest of all. */
  async #filled(query: Pick<ShardQuery, keyof Addressed | 'namespace' | 'include'>, found: ShardMatches): Promise<Outcome<ShardMatches>> {
    const { indexId, caller, namespace, include } = query;
    if (found.isBare !== true || isBare(include)) return ok(found);
    const fetched = await this.fetch({ indexId, caller, namespace, ids: found.ids, include });
    return fetched.ok ? ok(fetchedMatches(found, fetched.value)) : fetched;
  }

  read<Name extends IndexRead>(name: Name, request: RequestOf<Name>): AnswerOf<Name> {
    const composed = (this.#composed as Partial<Reads>)[name] as Reads[Name] | undefined;
    return composed === undefined ? this.#merged(name, request) : composed(request);
  }

  write<Name extends ShardWrite>(name: Name, request: RequestOf<Name>, authority: Authority | null): AnswerOf<Name> {
    return this.#writes[name](request, authority);
  }

  async lsn(): Promise<Outcome<null>> {
    return ok(null);
  }

  stats(): Promise<Outcome<ShardStats>> {
    const manifest = this.#manifest;
    const { routes, shards: calls, locators: keepers } = this.#located;
    return routes.using(manifest, async ({ summary, replicas }) => {
      const [shards, locators] = await Promise.all([
        allOf(summary.shards.map(({ ordinal }) => calls.stats(manifest, ordinal))),
        allOf(Array.from({ length: summary.locators }, (_, locator) => keepers.counts({ manifest, locator }))),
      ]);
      if (!shards.ok) return shards;
      if (!locators.ok) return locators;
      const sum = (of: (stats: ShardStats) => number) => shards.value.reduce((total, stats) => total + of(stats), 0);
      return ok({
        lsn: shards.value.reduce((most, { lsn }) => Math.max(most, lsn), 0),
        // Of the locators, or the only shard, which know each id once.
        count: locators.value.reduce((total, { ids }) => total + ids, 0),
        shards: summary.shards.length,
        replicas: replicas.length,
        namespaces: new Set(locators.value.flatMap(({ namespaces }) => namespaces)).size,
        storageBytes: sum(({ storageBytes }) => storageBytes),
        memoryBytes: sum(({ memoryBytes }) => memoryBytes),
      });
    });
  }

  /** Every shard is asked once. */
  #merged<Name extends IndexRead>(name: Name, request: RequestOf<Name>): AnswerOf<Name> {
    const merge = must((MERGES as Partial<Merges>)[name] as Merges[Name] | undefined, 'a read that is not composed has a merge');
    const { routes, shards: calls } = this.#located;
    return routes.using(this.#manifest, async ({ summary: { version: routeVersion, shards } }) => {
      const replies = await allOf(shards.map(({ ordinal }) => calls.read(this.#manifest, ordinal, name, { ...request, routeVersion })));
      return replies.ok ? ok(merge(replies.value, request)) : replies;
    });
  }
}

/** The candidates with values that diversify the answer best. */
function diversified({ metric, dimensions }: IndexManifest, found: ShardMatches, { topK, mmr, include }: ShardQuery): ShardMatches {
  const { ids, scores, values, metadata, texts, contents, versions } = found;
  const valuesAt = (at: number) => must(values, 'candidates come with values').subarray(at * dimensions, (at + 1) * dimensions);
  const candidates = ids.map((_, at) => ({ score: scores[at] ?? 0, values: valuesAt(at) }));
  const chosen = maximalMarginalRelevance(metric, candidates, topK, mmr?.diversity ?? 0);
  const pick = <T>(column: readonly T[]): T[] => chosen.map((at) => must(column[at], 'a candidate is in every column'));
  const kept = new Float32Array(include.values ? chosen.length * dimensions : 0);
  if (include.values) chosen.forEach((at, to) => kept.set(valuesAt(at), to * dimensions));
  return {
    ...found,
    ids: pick(ids),
    scores: pick(scores),
    values: include.values ? kept : null,
    metadata: metadata === null ? null : chosen.map((at) => metadata[at] ?? null),
    texts: texts === null ? null : chosen.map((at) => texts[at] ?? null),
    ...(contents === undefined ? {} : { contents: chosen.map((at) => contents[at] ?? null) }),
    ...(versions === undefined ? {} : { versions: pick(versions) }),
  };
}
