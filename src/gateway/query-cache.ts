import type { IndexManifest } from '../index/index-manifest.ts';
import { embeddingFor } from '../index/index-manifest.ts';
import type { ShardMatches } from '../ann/shard-protocol.ts';
import type { Sha256 } from '../cache/cache-key.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { QueryBody } from '../contract/vectors.ts';
import { utf8 } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { ok } from '../kernel/result.ts';
import type { WakeUps } from '../kernel/wake-ups.ts';
import { AnswerCache } from './answer-cache.ts';
import type { AnswerContract, AnswerTerms } from './answer-cache.ts';
import type { CacheReport } from './cache-report.ts';
import type { CountCache } from './cache-stats.ts';
import { onIndex } from './index-ref.ts';
import type { IndexShards } from '../index/shards/index-shards.ts';
import type { ManifestCache } from './manifest-cache.ts';
import type { PurgeViews } from './purge-views.ts';
import type { TextEmbedder } from './text-embedder.ts';
import { mayTouchModels } from './authority.ts';
import type { EmbeddingCaller, TokensUsed } from './vector-space.ts';
import { NO_TOKENS } from './vector-space.ts';
import type { OnIndex, Vectors } from './vectors.ts';

type Found = OnIndex<ShardMatches & TokensUsed>;

export interface QueryAnswer {
  readonly found: Found;
  /** Undefined when the query wanted no cache. */
  readonly report: CacheReport | undefined;
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
  readonly wakeUps: WakeUps;
}

interface IndexState {
  readonly manifest: IndexManifest;
  readonly lsn: number;
  /** Its answer is not shared with others. */
  readonly isUnshared: boolean;
}

/** What a match takes besides its characters and numbers. */
const MATCH_OVERHEAD_BYTES = 64;
const ENTRY_OVERHEAD_BYTES = 512;

const CONTRACT: AnswerContract<Found> = {
  entriesMax: LIMITS.queryCacheEntriesMax,
  bytesMax: LIMITS.queryCacheBytesMax,
  entryBytesMax: LIMITS.queryCacheEntryBytesMax,
  bytesOf,
  // Writes may have come since the LSN was asked for: the answer is that of its own.
  basisOf: ({ manifest, lsn }) => stateOf(manifest, lsn),
  repeated: (found) => ({ ...found, ...NO_TOKENS }),
};

/**
 * Answers of queries, for tenants alone, by index, LSN and body. The shard is asked for its LSN each time, which takes it no search: so a
 * write that was acknowledged makes every later query miss, whichever isolate took it. SPEC: src/cache/SPEC.md.
 */
export class QueryCache {
  readonly #parts: QueryCacheParts;
  readonly #answers: AnswerCache<Found>;

  constructor(parts: QueryCacheParts) {
    this.#parts = parts;
    this.#answers = new AnswerCache({ contract: CONTRACT, clock: parts.clock, wakeUps: parts.wakeUps });
  }

  get held(): { readonly entries: number; readonly bytes: number } {
    return this.#answers.held;
  }

  /** Without terms nothing is cached or counted. `budgetMs`: how long it may take. Refuses with `not_cached` when nothing may be searched, and as `Vectors.query` does. */
  async query(
    caller: EmbeddingCaller,
    index: string,
    body: QueryBody,
    terms: AnswerTerms | undefined,
    budgetMs: number = LIMITS.queryDeadlineDefaultMs,
  ): Promise<Outcome<QueryAnswer>> {
    const deadlineMs = this.#parts.clock.nowMs() + budgetMs;
    const search = () => this.#parts.vectors.query(caller, index, body, deadlineMs);
    if (terms !== undefined) return this.#cached(caller, index, body, { ...terms, deadlineMs }, search);
    const found = await search();
    return found.ok ? ok({ found: found.value, report: undefined }) : found;
  }

  async #cached(
    caller: EmbeddingCaller,
    index: string,
    body: QueryBody,
    { deadlineMs, ...terms }: AnswerTerms & { readonly deadlineMs: number },
    search: () => Promise<Outcome<Found>>,
  ): Promise<Outcome<QueryAnswer>> {
    const { tenantId } = caller.principal;
    const [state, view] = await Promise.all([this.#stateOf(caller, index, body), this.#parts.purges.current(tenantId)]);
    if (!state.ok) return state;
    const { manifest, lsn, isUnshared } = state.value;
    // [T55] An answer that another key had computed is no way around the model that it took.
    const models = body.text === undefined ? [] : [embeddingFor(manifest, 'queries')?.model ?? ''];
    const touched = mayTouchModels(caller.principal, models);
    if (!touched.ok) return touched;
    const digest = queryDigest(this.#parts.sha256, body);
    const question = { tenantId, digest, basis: stateOf(manifest, lsn), ...this.#modelOf(manifest), isUnshared, terms, view };
    const answered = await this.#answers.answer(question, search, deadlineMs - this.#parts.clock.nowMs());
    if (!answered.ok) return answered;
    const { answer: found, report } = answered.value;
    // Another one's search, which had less time than this one has.
    if (found.missing !== undefined && report.sources.includes('joined')) {
      const own = await search();
      return own.ok ? ok({ found: own.value, report: undefined }) : own;
    }
    const { sources, agesMs } = report;
    this.#parts.count(caller.principal, { cache: 'queries', model: null, sources, agesMs, holding: this.#answers.read(tenantId) });
    return ok({ found, report });
  }

  /** The index as it is now: its manifest, confirmed by the shard, and the LSN of the last write, which is all that a hit costs the shard. */
  #stateOf({ principal }: EmbeddingCaller, index: string, { explain }: QueryBody): Promise<Outcome<IndexState>> {
    return onIndex(this.#parts.manifests, principal, index, async (manifest): Promise<Outcome<IndexState>> => {
      // An explanation describes how this very query was answered.
      if (explain) return ok({ manifest, lsn: 0, isUnshared: true });
      const lsn = await this.#parts.shards.of(manifest).lsn();
      return lsn.ok ? ok({ manifest, lsn: lsn.value ?? 0, isUnshared: lsn.value === null }) : lsn;
    });
  }

  #modelOf(manifest: IndexManifest): { readonly model: string; readonly modelVersion: string } {
    const embedding = embeddingFor(manifest, 'queries');
    if (embedding === null) return { model: '', modelVersion: '' };
    const contract = this.#parts.embedder.contractOf(embedding.model);
    return { model: embedding.model, modelVersion: contract.ok ? contract.value.version : '' };
  }
}

/** What results are of: the same until the next write. */
const stateOf = ({ id, generation }: IndexManifest, lsn: number): string => `${id}:${generation}:${lsn}`;

/** The same for the same question: parsed bodies list their fields in the order of their schema. */
export function queryDigest(sha256: Sha256, { vector, ...rest }: QueryBody): string {
  // Every number in it is finite: the contract refuses others.
  const fields = utf8(JSON.stringify([vector?.length ?? null, rest]));
  if (vector === undefined) return `query:${sha256(fields)}`;
  // As bytes: as text, the numbers would take more than all else of a cached answer.
  const question = new Uint8Array(vector.byteLength + fields.length);
  question.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
  question.set(fields, vector.byteLength);
  return `query:${sha256(question)}`;
}

function bytesOf({ ids, values, metadata, texts, missing }: ShardMatches): number {
  // What lacks a shard is not given again.
  if (missing !== undefined) return Infinity;
  const chars = [ids, metadata ?? [], texts ?? []].flat().reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return 2 * chars + (values?.byteLength ?? 0) + ids.length * MATCH_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES;
}
