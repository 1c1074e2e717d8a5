import type { IndexManifest } from '../ann/index-manifest.ts';
import type { ShardMatches } from '../ann/shard-protocol.ts';
import { accepts } from '../cache/cache-directives.ts';
import type { CacheDirectives } from '../cache/cache-directives.ts';
import { LruCache } from '../cache/lru-cache.ts';
import type { FillStamp } from '../cache/purge-predicate.ts';
import type { Sha256 } from '../cache/sha256.ts';
import { SingleFlight } from '../cache/single-flight.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import { refuse } from '../contract/outcome.ts';
import type { QueryBody } from '../contract/vectors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import { ok } from '../kernel/result.ts';
import type { Background } from './background.ts';
import type { CacheReport, Forwarding, VectorSource } from './cache-report.ts';
import type { CountCache } from './count-cache.ts';
import type { IndexShards } from './index-shards.ts';
import type { ManifestCache } from './manifest-cache.ts';
import type { CurrentView, PurgeViews } from './purge-views.ts';
import type { TextEmbedder } from './text-embedder.ts';
import type { EmbeddingCaller, TokensUsed } from './vector-space.ts';
import { NO_TOKENS } from './vector-space.ts';
import type { OnIndex, Vectors } from './vectors.ts';

/** What a query asks of the cache. */
export interface QueryTerms {
  /** How long what is searched now may answer. */
  readonly ttlMs: number;
  readonly directives: CacheDirectives;
  readonly tags: readonly string[];
}

export interface QueryAnswer {
  readonly found: OnIndex<ShardMatches & TokensUsed>;
  /** Undefined when the query wanted no cache. */
  readonly report: CacheReport | undefined;
}

interface CachedQuery extends QueryAnswer {
  readonly report: CacheReport;
}

interface Entry extends FillStamp {
  readonly found: OnIndex<ShardMatches>;
  readonly storedAtMs: number;
  readonly tags: readonly string[];
}

type Found = Outcome<OnIndex<ShardMatches & TokensUsed>>;

interface Asked {
  readonly tenantId: TenantId;
  readonly digest: string;
  readonly terms: QueryTerms;
  readonly view: CurrentView;
  readonly manifest: IndexManifest;
  readonly body: QueryBody;
}

interface QueryCacheParts {
  readonly vectors: Vectors;
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly embedder: TextEmbedder;
  readonly purges: PurgeViews;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly count: CountCache;
  readonly background: Background;
}

const NOTHING_INCLUDED = { values: false, metadata: false, text: false };

/** What a match costs beside its characters and numbers. */
const MATCH_OVERHEAD_BYTES = 64;
const ENTRY_OVERHEAD_BYTES = 512;

/**
 * Answers of queries, for tenants alone, by index, LSN and body. The shard is asked for its LSN each time, which takes it no search: so a
 * write that was acknowledged makes every later query miss, whichever isolate took it. SPEC: src/cache/SPEC.md.
 */
export class QueryCache {
  readonly #parts: QueryCacheParts;
  readonly #entries = new LruCache<Entry>({ entriesMax: LIMITS.queryCacheEntriesMax, bytesMax: LIMITS.queryCacheBytesMax });
  readonly #flights = new SingleFlight<Found>();
  #evictedTold = 0;

  constructor(parts: QueryCacheParts) {
    this.#parts = parts;
  }

  get held(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entries.size, bytes: this.#entries.bytes };
  }

  /** Without terms nothing is cached or counted. Refuses with `not_cached` when nothing may be searched, and as `Vectors.query` does. */
  async query(caller: EmbeddingCaller, index: string, body: QueryBody, terms: QueryTerms | undefined): Promise<Outcome<QueryAnswer>> {
    if (terms !== undefined) return this.#cached(caller, index, body, terms);
    const found = await this.#parts.vectors.query(caller, index, body);
    return found.ok ? ok({ found: found.value, report: undefined }) : found;
  }

  async #cached(caller: EmbeddingCaller, index: string, body: QueryBody, terms: QueryTerms): Promise<Outcome<CachedQuery>> {
    const { tenantId } = caller.principal;
    const [state, view] = await Promise.all([this.#stateOf(tenantId, index), this.#parts.purges.current(tenantId)]);
    if (!state.ok) return state;
    const { manifest, lsn } = state.value;
    const asked = { tenantId, digest: queryDigest(this.#parts.sha256, body), terms, view, manifest, body };
    const forwarding = forwardingOf(asked);
    const held = forwarding === 'miss' ? this.#find(asked, keyOf(asked, lsn)) : undefined;
    if (held !== undefined) return ok(this.#told(caller, held));
    if (terms.directives.onlyIfCached) return refuse('not_cached', 'the query is not cached, and `only-if-cached` leaves nothing else');

    const key = [keyOf(asked, lsn), ...terms.tags.toSorted()].join('\n');
    const flight = forwarding === 'miss' ? this.#joinable(asked, key) : undefined;
    const found = await (flight ?? this.#search(caller, index, asked, key));
    if (!found.ok) return found;
    if (flight !== undefined) {
      return ok(this.#told(caller, { found: { ...found.value, ...NO_TOKENS }, report: reportOf('joined', { forwarded: forwarding }) }));
    }
    const kept = stores(asked, found.value) ? { stored: true, ttlMs: terms.ttlMs } : {};
    return ok(this.#told(caller, { found: found.value, report: reportOf('computed', { forwarded: forwarding, ...kept }) }));
  }

  /** The index as it is now: its manifest, confirmed by the shard, and the LSN of the last write. */
  #stateOf(tenantId: TenantId, index: string): Promise<Outcome<{ readonly manifest: IndexManifest; readonly lsn: number }>> {
    return this.#parts.manifests.using(tenantId, index, async (manifest) => {
      const none = { indexId: manifest.id, namespace: '', ids: [], include: NOTHING_INCLUDED };
      const state = await this.#parts.shards.fetch(manifest, none);
      return state.ok ? ok({ manifest, lsn: state.value.lsn }) : state;
    });
  }

  #find(asked: Asked, key: string): CachedQuery | undefined {
    const nowMs = this.#parts.clock.nowMs();
    const found = this.#entries.getStale(key, nowMs);
    if (found === undefined) return undefined;
    const { value: entry, expiresAtMs } = found;
    const fate = this.#fateOf(asked, entry, entry.tags);
    if (fate.kind === 'taken' || !asked.terms.tags.every((tag) => entry.tags.includes(tag))) return undefined;
    const leftMs = expiresAtMs - nowMs;
    const ttlMs = fate.kind === 'stale' ? Math.min(leftMs, fate.sinceMs - asked.view.logTimeMs) : leftMs;
    const ageMs = Math.max(0, nowMs - entry.storedAtMs);
    if (!accepts(asked.terms.directives, ageMs, ttlMs)) return undefined;
    return { found: { ...entry.found, ...NO_TOKENS }, report: reportOf('memory', { agesMs: [ageMs], ttlMs }) };
  }

  /** The same search under way, unless it began before a purge that takes its answer. */
  #joinable(asked: Asked, key: string): Promise<Found> | undefined {
    const flight = this.#flights.find(key);
    if (flight === undefined) return undefined;
    const fate = this.#fateOf(asked, { position: flight.position, knownMs: -Infinity }, asked.terms.tags);
    return fate.kind === 'kept' ? flight.rows : undefined;
  }

  #search(caller: EmbeddingCaller, index: string, asked: Asked, flight: string): Promise<Found> {
    const found = this.#searchAndStore(caller, index, asked);
    this.#flights.open([flight], asked.view.stamp.position, found);
    // Others may join: it must outlive the request that began it.
    this.#parts.background(found);
    return found;
  }

  async #searchAndStore(caller: EmbeddingCaller, index: string, asked: Asked): Promise<Found> {
    const found = await this.#parts.vectors.query(caller, index, asked.body);
    if (!found.ok || !stores(asked, found.value)) return found;
    const { tokens: _, cachedTokens: __, ...matches } = found.value;
    const nowMs = this.#parts.clock.nowMs();
    const { ttlMs, tags } = asked.terms;
    // Writes may have come since the LSN was asked for: the answer is that of its own.
    const key = keyOf({ ...asked, manifest: matches.manifest }, matches.lsn);
    this.#entries.set(key, { found: matches, storedAtMs: nowMs, tags, ...asked.view.stamp }, bytesOf(matches), nowMs + ttlMs);
    return found;
  }

  #fateOf({ view, digest, manifest: { embedding } }: Asked, { position, knownMs }: FillStamp, tags: readonly string[]) {
    const contract = embedding === null ? undefined : this.#parts.embedder.contractOf(embedding.model);
    const modelVersion = contract?.ok === true ? contract.value.version : '';
    return view.log.fateOf({ digest, model: embedding?.model ?? '', modelVersion, tags, position, knownMs });
  }

  #told({ principal }: EmbeddingCaller, answer: CachedQuery): CachedQuery {
    const { sources, agesMs } = answer.report;
    const { evicted } = this.#entries.counts;
    const holding = { ...this.held, evicted: evicted - this.#evictedTold };
    this.#evictedTold = evicted;
    this.#parts.count(principal, { cache: 'queries', model: null, sources, agesMs, holding });
    return answer;
  }
}

const keyOf = ({ tenantId, digest, manifest }: Asked, lsn: number): string =>
  `${tenantId}:${manifest.id}:${manifest.generation}:${lsn}:${digest}`;

/** Why the cache may not answer; `miss` when it may. An explanation tells how this very query was answered. */
function forwardingOf({ view, body, terms }: Asked): 'bypass' | 'request' | 'miss' {
  if (!view.complete || body.explain) return 'bypass';
  return terms.directives.bypass ? 'request' : 'miss';
}

const stores = ({ terms, body }: Asked, found: OnIndex<ShardMatches>): boolean =>
  terms.directives.store && !body.explain && bytesOf(found) <= LIMITS.queryCacheEntryBytesMax;

function reportOf(
  source: VectorSource,
  told: { forwarded?: Forwarding; agesMs?: readonly number[]; ttlMs?: number; stored?: boolean },
): CacheReport {
  const { forwarded, agesMs = [], ttlMs, stored = false } = told;
  return { sources: [source], agesMs, ttlMs, forwarded, shared: { asked: 0, found: 0 }, stored: { memory: stored, shared: false } };
}

/** The same for the same question: parsed bodies list their fields in the order of their schema. Never the digest of a text. */
export function queryDigest(sha256: Sha256, { vector, ...rest }: QueryBody): string {
  // Every number in it is finite: the contract refuses others.
  return `query:${sha256(JSON.stringify([rest, vector === undefined ? null : [...vector]]))}`;
}

function bytesOf({ ids, values, metadata, texts }: ShardMatches): number {
  const chars = [ids, metadata ?? [], texts ?? []].flat().reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return 2 * chars + (values?.byteLength ?? 0) + ids.length * MATCH_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES;
}
