import type { Reading } from '../fan-out/reading.ts';
import { fetchedMatches } from '../fan-out/fetched-matches.ts';
import type { IndexManifest } from '../index-manifest.ts';
import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import { maximalMarginalRelevance } from '../../ann/mmr.ts';
import type { RouteReader } from '../routing/route-reader.ts';
import type {
  Counted,
  Deleted,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  SampledIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardStats,
  ShardVectors,
  UpsertBatch,
  Written,
} from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { Authority } from '../../contract/write-lease.ts';
import type { IndexShards } from './index-shards.ts';
import { allOf } from './all-of.ts';
import { LocatedListing } from './located-listing.ts';
import { LocatedPatch } from './located-patch.ts';
import { LocatedReads } from './located-reads.ts';
import { LocatedWrites } from './located-writes.ts';
import type { LocatorCalls } from './locator-calls.ts';
import { RouteCache } from '../routing/route-cache.ts';
import { drawSample } from './routed-sample.ts';
import { measureRouted } from './routed-recall.ts';
import { SeenLsns } from './seen-lsns.ts';
import type { ShardCalls } from './shard-calls.ts';
import type { RoutedSearch } from '../fan-out/routed-search.ts';

interface RoutedShardsParts {
  /** Answers for indexes of one shard. */
  readonly only: IndexShards;
  readonly shards: ShardCalls;
  readonly locators: LocatorCalls;
  readonly search: RoutedSearch;
  /** What the isolate remembers of routes. */
  readonly reader: RouteReader;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
}

/**
 * The shards of an index, however many it has. An index with one is asked directly: its shard refuses with `stale_route` once there are
 * more, and the manifest cache fetches the manifest with routes.
 */
export class RoutedShards implements IndexShards {
  readonly #only: IndexShards;
  readonly #shards: ShardCalls;
  readonly #locators: LocatorCalls;
  readonly #search: RoutedSearch;
  readonly #routes: RouteCache;
  readonly #reads: LocatedReads;
  readonly #writes: LocatedWrites;
  readonly #listing: LocatedListing;
  readonly #patch: LocatedPatch;
  readonly #seen = new SeenLsns();

  constructor({ only, shards, locators, search, reader, ...sharing }: RoutedShardsParts) {
    this.#only = only;
    this.#shards = shards;
    this.#locators = locators;
    this.#search = search;
    this.#routes = new RouteCache(shards, reader, sharing);
    this.#reads = new LocatedReads(this.#routes, locators, shards);
    this.#writes = new LocatedWrites(this.#routes, locators, shards, this.#seen);
    this.#listing = new LocatedListing(this.#routes, shards, this.#reads);
    this.#patch = new LocatedPatch(this.#reads, this.#listing, this.#writes);
  }

  upsert(manifest: IndexManifest, batch: UpsertBatch, authority: Authority | null): Promise<Outcome<Written>> {
    return isAlone(manifest) ? this.#only.upsert(manifest, batch, authority) : this.#writes.upsert(manifest, batch, authority);
  }

  delete(manifest: IndexManifest, deletion: ShardDelete, authority: Authority | null): Promise<Outcome<Deleted>> {
    return isAlone(manifest) ? this.#only.delete(manifest, deletion, authority) : this.#writes.delete(manifest, deletion, authority);
  }

  /** Of several shards, always strongly: their ids are located by their locators, which serialise the writes. */
  fetch(manifest: IndexManifest, fetch: ShardFetch, consistency?: ReadConsistency): Promise<Outcome<ShardVectors>> {
    return isAlone(manifest) ? this.#only.fetch(manifest, fetch, consistency) : this.#reads.fetch(manifest, fetch);
  }

  async query(manifest: IndexManifest, query: ShardQuery, reading?: Reading): Promise<Outcome<ShardMatches>> {
    if (isAlone(manifest)) return this.#only.query(manifest, query, reading);
    const { target, excludeIds, mmr, include } = query;
    const point = await this.#reads.pointOf(manifest, query);
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
    const lsnSeen = this.#seen.of(manifest);
    const searched = await this.#routes.using(manifest, (routes) => this.#search.search(manifest, routes, wanted, reading));
    const found = searched.ok ? await this.#filled(manifest, wanted, searched.value) : searched;
    if (!found.ok) return found;
    // A whole and strong answer has all that was acknowledged before, by shards that were not asked, too.
    const isStrong = reading === undefined || reading.consistency.kind === 'strong';
    const hasAll = isStrong && found.value.missing === undefined;
    const matches = hasAll ? { ...found.value, lsn: Math.max(found.value.lsn, lsnSeen) } : found.value;
    this.#seen.note(manifest, matches.lsn);
    return ok(mmr === undefined ? matches : diversified(manifest, matches, query));
  }

  /** What shards had no room for is fetched of the closest of all. */
  async #filled(manifest: IndexManifest, query: ShardQuery, found: ShardMatches): Promise<Outcome<ShardMatches>> {
    const { indexId, caller, namespace, include } = query;
    if (found.isBare !== true || !(include.values || include.metadata || include.text)) return ok(found);
    const fetched = await this.#reads.fetch(manifest, { indexId, caller, namespace, ids: found.ids, include });
    return fetched.ok ? ok(fetchedMatches(found, fetched.value)) : fetched;
  }

  list(manifest: IndexManifest, list: ShardList): Promise<Outcome<ListedVectors>> {
    return isAlone(manifest) ? this.#only.list(manifest, list) : this.#listing.list(manifest, list);
  }

  count(manifest: IndexManifest, count: ShardCount): Promise<Outcome<Counted>> {
    return isAlone(manifest) ? this.#only.count(manifest, count) : this.#listing.count(manifest, count);
  }

  namespaces(manifest: IndexManifest, page: ShardNamespaces): Promise<Outcome<NamespacePage>> {
    return isAlone(manifest) ? this.#only.namespaces(manifest, page) : this.#listing.namespaces(manifest, page);
  }

  patch(manifest: IndexManifest, patch: ShardPatch, authority: Authority | null): Promise<Outcome<Patched>> {
    return isAlone(manifest) ? this.#only.patch(manifest, patch, authority) : this.#patch.patch(manifest, patch, authority);
  }

  lsn(manifest: IndexManifest): Promise<Outcome<number>> {
    return this.#only.lsn(manifest);
  }

  stats(manifest: IndexManifest): Promise<Outcome<ShardStats>> {
    if (isAlone(manifest)) return this.#only.stats(manifest);
    return this.#routes.using(manifest, async ({ outline, replicas }) => {
      const [shards, locators] = await Promise.all([
        allOf(outline.shards.map(({ ordinal }) => this.#shards.stats(manifest, ordinal))),
        allOf(Array.from({ length: outline.locators }, (_, locator) => this.#locators.counts({ manifest, locator }))),
      ]);
      if (!shards.ok) return shards;
      if (!locators.ok) return locators;
      const sum = (of: (stats: ShardStats) => number) => shards.value.reduce((total, stats) => total + of(stats), 0);
      return ok({
        lsn: shards.value.reduce((most, { lsn }) => Math.max(most, lsn), 0),
        // Of the locators, or the only shard, which know each id once.
        count: locators.value.reduce((total, { ids }) => total + ids, 0),
        shards: outline.shards.length,
        replicas: replicas.length,
        namespaces: new Set(locators.value.flatMap(({ namespaces }) => namespaces)).size,
        storageBytes: sum(({ storageBytes }) => storageBytes),
        memoryBytes: sum(({ memoryBytes }) => memoryBytes),
      });
    });
  }

  sample(manifest: IndexManifest, sample: ShardSample): Promise<Outcome<SampledIds>> {
    if (isAlone(manifest)) return this.#only.sample(manifest, sample);
    return this.#routes.using(manifest, ({ outline }) => drawSample(this.#shards, manifest, outline, sample));
  }

  measureRecall(manifest: IndexManifest, recall: ShardRecall): Promise<Outcome<RecallSlice>> {
    if (isAlone(manifest)) return this.#only.measureRecall(manifest, recall);
    return measureRouted(this, manifest, recall);
  }
}

const isAlone = ({ routeVersion = 0 }: IndexManifest): boolean => routeVersion === 0;

/** The candidates with values that diversify the answer best. */
function diversified({ metric, dimensions }: IndexManifest, found: ShardMatches, { topK, mmr, include }: ShardQuery): ShardMatches {
  const { ids, scores, values, metadata, texts, versions } = found;
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
    ...(versions === undefined ? {} : { versions: pick(versions) }),
  };
}
