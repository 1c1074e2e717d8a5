import type { IndexManifest, PinnedEmbedding } from '../../index/index-manifest.ts';
import { embeddingFor } from '../../index/index-manifest.ts';
import type { ShardMatches } from '../../ann/shard-protocol.ts';
import type { Sha256 } from '../../cache/cache-key.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { QueryBody } from '../../contract/vectors/vectors.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import { AnswerCache, NOT_CACHED } from '../caches/answer-cache.ts';
import type { AnswerContract, AnswerTerms, Question } from '../caches/answer-cache.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import { joinedReport } from '../caches/cache-report.ts';
import type { CountCache } from '../caches/cache-stats.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { CurrentView, PurgeViews } from '../caches/purge-views.ts';
import type { TextEmbedder } from '../embeddings/text-embedder.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import { fieldEmbedding } from './plans/known-fields.ts';
import type { EmbeddingCaller, TokensUsed } from './vector-space.ts';
import { NO_TOKENS, NOTHING_EMBEDDED } from './vector-space.ts';
import type { AskedSearch, FoundBySearches, FoundMatches, Searches } from './searches.ts';

export interface QueryAnswer {
  readonly found: FoundMatches;
  /** Undefined when the query wanted no cache. */
  readonly report: CacheReport | undefined;
}

/** The same of several searches of a request, in their order. Tokens are those of all; each answer has none. */
export interface QueryAnswers extends TokensUsed {
  readonly found: readonly FoundMatches[];
  readonly report: CacheReport | undefined;
}

interface QueryCacheParts {
  readonly searches: Searches;
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly embedder: Pick<TextEmbedder, 'contractOf'>;
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

const CONTRACT: AnswerContract<FoundMatches> = {
  entriesMax: VECTOR_LIMITS.queryCacheEntriesMax,
  bytesMax: VECTOR_LIMITS.queryCacheBytesMax,
  entryBytesMax: VECTOR_LIMITS.queryCacheEntryBytesMax,
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
  readonly #answers: AnswerCache<FoundMatches>;

  constructor(parts: QueryCacheParts) {
    this.#parts = parts;
    this.#answers = new AnswerCache({ contract: CONTRACT, clock: parts.clock, wakeUps: parts.wakeUps });
  }

  get held(): { readonly entries: number; readonly bytes: number } {
    return this.#answers.held;
  }

  /** Without terms nothing is cached or counted. `budgetMs`: how long it may take. Refuses with `not_cached` when nothing may be searched, and as `Searches.query` does. */
  async query(
    caller: EmbeddingCaller,
    index: string,
    body: QueryBody,
    terms: AnswerTerms | undefined,
    budgetMs?: number,
  ): Promise<Outcome<QueryAnswer>> {
    const nowMs = this.#parts.clock.nowMs();
    const deadlineMs = budgetMs === undefined ? undefined : nowMs + budgetMs;
    const search = () => this.#parts.searches.query(caller, index, body, deadlineMs);
    if (terms !== undefined) {
      const until = { deadlineMs: deadlineMs ?? nowMs + API_LIMITS.queryDeadlineDefaultMs };
      return this.#cached(caller, index, body, { ...terms, ...until }, search);
    }
    const found = await search();
    return found.ok ? ok({ found: found.value, report: undefined }) : found;
  }

  async #cached(
    caller: EmbeddingCaller,
    index: string,
    body: QueryBody,
    { deadlineMs, ...terms }: AnswerTerms & { readonly deadlineMs: number },
    search: () => Promise<Outcome<FoundMatches>>,
  ): Promise<Outcome<QueryAnswer>> {
    const { tenantId } = caller.principal;
    const [state, view] = await Promise.all([this.#stateOf(caller, index, body.explain), this.#parts.purges.current(tenantId)]);
    if (!state.ok) return state;
    const asked = await this.#questionOf(caller, state.value, view, body, terms);
    if (!asked.ok) return asked;
    const question = asked.value;
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

  /**
   * Several searches at once, under the same terms: those that are not cached are searched for together, as `Searches.search` does, and
   * share no flight with other requests.
   */
  async search(
    caller: EmbeddingCaller,
    index: string,
    asked: readonly AskedSearch[],
    terms: AnswerTerms | undefined,
    budgetMs: number = API_LIMITS.queryDeadlineDefaultMs,
  ): Promise<Outcome<QueryAnswers>> {
    const { searches, clock, purges, count } = this.#parts;
    const deadlineMs = clock.nowMs() + budgetMs;
    if (terms === undefined) {
      const searched = await searches.search(caller, index, asked, deadlineMs);
      return searched.ok ? ok({ ...searched.value, found: answersOf(searched.value), report: undefined }) : searched;
    }
    const { tenantId } = caller.principal;
    const areExplained = asked.every(({ body }) => body.explain);
    const [state, view] = await Promise.all([this.#stateOf(caller, index, areExplained), purges.current(tenantId)]);
    if (!state.ok) return state;
    const questions: Question[] = [];
    for (const { body } of asked) {
      const question = await this.#questionOf(caller, state.value, view, body, terms);
      if (!question.ok) return question;
      questions.push(question.value);
    }
    const answers = questions.map((question) => this.#answers.peek(question));
    const missing = asked.filter((_, i) => answers[i] === undefined);
    if (missing.length > 0 && terms.directives.onlyIfCached) return NOT_CACHED;
    const made = missing.length === 0 ? ok({ found: [], ...NOTHING_EMBEDDED }) : await searches.search(caller, index, missing, deadlineMs);
    if (!made.ok) return made;
    const { tokens, cachedTokens } = made.value;
    const fresh = ('manifest' in made.value ? answersOf(made.value) : []).values();
    const whole = answers.map(
      (held, i) =>
        held ??
        this.#answers.add(must(questions[i], 'each search is a question'), must(fresh.next().value, 'what is not held was searched for')),
    );
    const report = joinedReport(whole.map((answer) => answer.report));
    const { sources, agesMs } = report;
    count(caller.principal, { cache: 'queries', model: null, sources, agesMs, holding: this.#answers.read(tenantId) });
    return ok({ found: whole.map(({ answer }) => answer), tokens, cachedTokens, report });
  }

  async #questionOf(
    caller: EmbeddingCaller,
    { manifest, lsn, isUnshared }: IndexState,
    view: CurrentView,
    body: QueryBody,
    terms: AnswerTerms,
  ): Promise<Outcome<Question>> {
    // [T55] An answer that another key had computed is no way around the model that it took.
    const models = body.text === undefined ? [] : [embeddingOf(manifest, body)?.model ?? ''];
    const touched = mayTouchModels(caller.principal, models);
    if (!touched.ok) return touched;
    const { tenantId } = caller.principal;
    const digest = queryDigest(this.#parts.sha256, body);
    // An explanation describes how this very query was answered.
    const own = { isUnshared: isUnshared || body.explain, terms, view };
    return ok({ tenantId, digest, basis: stateOf(manifest, lsn), ...(await this.#modelOf(manifest, body)), ...own });
  }

  /** The index as it is now: its manifest, confirmed by the shard, and the LSN of the last write, which is all that a hit costs the shard. */
  #stateOf({ principal }: EmbeddingCaller, index: string, areExplained: boolean): Promise<Outcome<IndexState>> {
    return onIndex(this.#parts.manifests, principal, index, async (manifest): Promise<Outcome<IndexState>> => {
      if (areExplained) return ok({ manifest, lsn: 0, isUnshared: true });
      const lsn = await this.#parts.shards.of(manifest).lsn();
      return lsn.ok ? ok({ manifest, lsn: lsn.value ?? 0, isUnshared: lsn.value === null }) : lsn;
    });
  }

  async #modelOf(manifest: IndexManifest, body: QueryBody): Promise<{ readonly model: string; readonly modelVersion: string }> {
    const embedding = embeddingOf(manifest, body);
    if (embedding === null) return { model: '', modelVersion: '' };
    const contract = await this.#parts.embedder.contractOf(manifest.tenantId, embedding.model, embedding.contractHash);
    // What an alias stands for, as purges have it.
    return contract.ok ? { model: contract.value.id, modelVersion: contract.value.version } : { model: embedding.model, modelVersion: '' };
  }
}

/** The contract that a query's vector must be made by, if what it searches is pinned to one. */
const embeddingOf = (manifest: IndexManifest, { field }: QueryBody): PinnedEmbedding | null =>
  field === undefined ? embeddingFor(manifest, 'queries') : fieldEmbedding(manifest, field);

/** What each search found, as if it had been alone; tokens are counted for all together. */
const answersOf = ({ found, manifest, cut }: FoundBySearches): FoundMatches[] =>
  found.map((one, at) => {
    const own = cut.filter(({ index }) => index === at).map(({ tokens }) => ({ index: 0, tokens }));
    return { ...one, ...NO_TOKENS, cut: own, manifest };
  });

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

function bytesOf({ ids, values, metadata, texts, contents, missing }: ShardMatches): number {
  // What lacks a shard is not given again.
  if (missing !== undefined) return Infinity;
  const chars = [ids, metadata ?? [], texts ?? [], contents ?? []].flat().reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return 2 * chars + (values?.byteLength ?? 0) + ids.length * MATCH_OVERHEAD_BYTES + ENTRY_OVERHEAD_BYTES;
}
