import type { IndexManifest, PinnedEmbedding } from '../../index/index-manifest.ts';
import type { Sha256 } from '../../cache/cache-key.ts';
import type { CacheBounds } from '../../cache/eviction.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import { AnswerCache, NOT_CACHED } from '../caches/answer-cache.ts';
import type { AnswerTerms, Question } from '../caches/answer-cache.ts';
import type { CacheHoldings } from '../caches/cache-holdings.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import { joinedReport } from '../caches/cache-report.ts';
import type { CountCache } from '../caches/cache-stats.ts';
import { onIndex } from '../indexes/index-ref.ts';
import type { IndexShards } from '../../index/shards/index-shards.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import type { CurrentView, PurgeViews } from '../caches/purge-views.ts';
import type { ServedRows } from './visible/served-rows.ts';
import type { TextEmbedder } from '../embeddings/text-embedder.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { EmbeddingCaller, TokensUsed } from './vector-space.ts';
import { NO_TOKENS } from './vector-space.ts';
import type { OnIndex } from './vectors.ts';

/** One search of a request. */
interface Asked<Body> {
  readonly body: Body;
  /** Where it stands in the request; empty: it is all of it. */
  readonly at: FieldPath;
}

/** What searches of a request found, in their order, and what their models read. */
export type SearchedTogether<Found> = OnIndex<{ readonly found: readonly Found[] } & TokensUsed>;

/** What one kind of searches is, to the cache of what they find. */
export interface SearchKind<Caller, Body, Found> {
  /** Begins its digests, so that kinds never meet. */
  readonly name: string;
  /** All at once; refuses the whole request as the first that is refused. */
  search(
    caller: Caller,
    index: string,
    asked: readonly Asked<Body>[],
    deadlineMs: number | undefined,
  ): Promise<Outcome<SearchedTogether<Found>>>;
  /** The contract that the vector of a search must be made by, if what it searches is pinned to one. */
  embeddingOf(manifest: IndexManifest, body: Body): PinnedEmbedding | null;
  /** The names, also `name@version`, of the models that read for a search: with others it is another search. */
  modelsOf(manifest: IndexManifest, body: Body): Promise<readonly string[]>;
  /** Infinity: it is not kept. What lacks a shard or a leg is not given again. */
  bytesOf(found: Found): number;
  isPartial(found: Found): boolean;
}

/** What one search found, and on which index. Tokens are those of the call that made it alone; else none. */
type Kept<Found> = { readonly found: Found } & OnIndex<TokensUsed> & {
    /** Of the documents; null: it met no row of any, nor was the index known to have some when it was asked for. */
    readonly edition: number | null;
  };

/** The answers of a request, in their order. Tokens are those of all. */
export interface QueryAnswers<Found> extends TokensUsed {
  readonly answers: readonly OnIndex<{ readonly found: Found }>[];
  /** Undefined when the request wanted no cache. */
  readonly report: CacheReport | undefined;
}

interface QueryCacheParts<Caller, Body, Found> {
  readonly kind: SearchKind<Caller, Body, Found>;
  readonly manifests: ManifestCache;
  readonly shards: IndexShards;
  readonly served: Pick<ServedRows, 'editionOf'>;
  readonly embedder: Pick<TextEmbedder, 'contractOf'>;
  readonly purges: PurgeViews;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly count: CountCache;
  readonly wakeUps: WakeUps;
  readonly bounds: CacheBounds;
  /** What tenants hold in caches of all kinds of searches. */
  readonly holdings: CacheHoldings;
}

interface IndexState {
  readonly manifest: IndexManifest;
  readonly lsn: number;
  /** Of its documents; null: it was not found to have any. */
  readonly edition: number | null;
  /** Its answer is not shared with others. */
  readonly isUnshared: boolean;
}

/** What searches of every kind say of themselves, and how far what they find is complete. */
interface Explainable {
  readonly explain: boolean;
}

interface Complete {
  readonly lsn: number;
  /** Of the documents that it has met rows of; null: of none. */
  readonly edition: number | null;
}

/**
 * Answers of searches, for tenants alone, by index, LSN and body. The shard is asked for its LSN each time, which takes it no search: so a
 * write that was acknowledged makes every later search miss, whichever isolate took it. Where searches have met documents, their object is asked for its edition,
 * too: so does a change of what is served. [DC92] SPEC: src/cache/SPEC.md.
 */
export class QueryCache<Caller extends EmbeddingCaller, Body extends Explainable, Found extends Complete> {
  readonly #parts: QueryCacheParts<Caller, Body, Found>;
  readonly #answers: AnswerCache<Kept<Found>>;

  constructor(parts: QueryCacheParts<Caller, Body, Found>) {
    this.#parts = parts;
    const { kind, clock, wakeUps, bounds, holdings } = parts;
    const contract = {
      ...bounds,
      entryBytesMax: VECTOR_LIMITS.queryCacheEntryBytesMax,
      bytesOf: ({ found }: Kept<Found>) => kind.bytesOf(found),
      // Writes may have come since the LSN was asked for: the answer is that of its own.
      basisOf: ({ manifest, found, edition }: Kept<Found>) => stateOf(manifest, found.lsn, edition),
      repeated: (kept: Kept<Found>) => ({ ...kept, ...NO_TOKENS }),
    };
    this.#answers = new AnswerCache({ contract, clock, wakeUps, holdings });
  }

  get held(): { readonly entries: number; readonly bytes: number } {
    return this.#answers.held;
  }

  /**
   * One search. Without terms nothing is cached or counted. `budgetMs`: how long it may take. Refuses with `not_cached` when nothing may be
   * searched, and as the searches of the kind do.
   */
  async query(
    caller: Caller,
    index: string,
    body: Body,
    terms: AnswerTerms | undefined,
    budgetMs?: number,
  ): Promise<Outcome<QueryAnswers<Found>>> {
    const nowMs = this.#parts.clock.nowMs();
    const deadlineMs = budgetMs === undefined ? undefined : nowMs + budgetMs;
    const search = async (edition: number | null): Promise<Outcome<Kept<Found>>> => {
      const searched = await this.#parts.kind.search(caller, index, [{ body, at: [] }], deadlineMs);
      if (!searched.ok) return searched;
      const { found: all, ...rest } = searched.value;
      const found = must(all[0], 'each search has found something');
      return ok({ ...rest, found, edition: found.edition ?? edition });
    };
    if (terms !== undefined) {
      const until = { deadlineMs: deadlineMs ?? nowMs + API_LIMITS.queryDeadlineDefaultMs };
      return this.#cached(caller, index, body, { ...terms, ...until }, search);
    }
    const found = await search(null);
    return found.ok ? ok(answersOf([found.value], found.value, undefined)) : found;
  }

  async #cached(
    caller: Caller,
    index: string,
    body: Body,
    { deadlineMs, ...terms }: AnswerTerms & { readonly deadlineMs: number },
    search: (edition: number | null) => Promise<Outcome<Kept<Found>>>,
  ): Promise<Outcome<QueryAnswers<Found>>> {
    const { tenantId } = caller.principal;
    const [state, view] = await Promise.all([this.#stateOf(caller, index, body.explain), this.#parts.purges.current(tenantId)]);
    if (!state.ok) return state;
    const asked = await this.#questionOf(caller, state.value, view, body, terms);
    if (!asked.ok) return asked;
    const { edition } = state.value;
    const answered = await this.#answers.answer(asked.value, () => search(edition), deadlineMs - this.#parts.clock.nowMs());
    if (!answered.ok) return answered;
    const { answer, report } = answered.value;
    // Another one's search, which had less time than this one has.
    if (this.#parts.kind.isPartial(answer.found) && report.sources.includes('joined')) {
      const own = await search(edition);
      return own.ok ? ok(answersOf([own.value], own.value, undefined)) : own;
    }
    this.#count(caller, report);
    return ok(answersOf([answer], answer, report));
  }

  /**
   * Several searches at once, under the same terms: those that are not cached are searched for together, and share no flight with other
   * requests.
   */
  async search(
    caller: Caller,
    index: string,
    asked: readonly Asked<Body>[],
    terms: AnswerTerms | undefined,
    budgetMs: number = API_LIMITS.queryDeadlineDefaultMs,
  ): Promise<Outcome<QueryAnswers<Found>>> {
    const { kind, clock, purges } = this.#parts;
    const deadlineMs = clock.nowMs() + budgetMs;
    if (terms === undefined) {
      const searched = await kind.search(caller, index, asked, deadlineMs);
      return searched.ok ? ok(answersOf(keptOf(searched.value, null), searched.value, undefined)) : searched;
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
    const made = missing.length === 0 ? undefined : await kind.search(caller, index, missing, deadlineMs);
    if (made?.ok === false) return made;
    const fresh = (made === undefined ? [] : keptOf(made.value, state.value.edition)).values();
    const whole = answers.map(
      (held, i) =>
        held ??
        this.#answers.add(must(questions[i], 'each search is a question'), must(fresh.next().value, 'what is not held was searched for')),
    );
    const report = joinedReport(whole.map((answer) => answer.report));
    this.#count(caller, report);
    return ok(
      answersOf(
        whole.map(({ answer }) => answer),
        made?.value ?? NO_TOKENS,
        report,
      ),
    );
  }

  #count({ principal }: Caller, { sources, agesMs }: CacheReport): void {
    const holding = this.#answers.read(principal.tenantId);
    this.#parts.count(principal, { cache: 'queries', model: null, sources, agesMs, holding });
  }

  async #questionOf(
    caller: Caller,
    { manifest, lsn, edition, isUnshared }: IndexState,
    view: CurrentView,
    body: Body,
    terms: AnswerTerms,
  ): Promise<Outcome<Question>> {
    const { kind, sha256 } = this.#parts;
    // [T55] An answer that another key had computed is no way around the models that it took.
    const otherModels = await kind.modelsOf(manifest, body);
    const touched = mayTouchModels(caller.principal, otherModels);
    if (!touched.ok) return touched;
    const { tenantId } = caller.principal;
    const digest = searchDigest(sha256, kind.name, [otherModels, manifest.searchSettings ?? null, caller.principal.labels ?? null, body]);
    // An explanation describes how this very search was answered.
    const own = { isUnshared: isUnshared || body.explain, terms, view };
    return ok({ tenantId, digest, basis: stateOf(manifest, lsn, edition), ...(await this.#modelOf(manifest, body)), otherModels, ...own });
  }

  /** The index as it is now: its manifest, confirmed by the shard, and the LSN of the last write, which is all that a hit costs the shard. */
  #stateOf({ principal }: Caller, index: string, areExplained: boolean): Promise<Outcome<IndexState>> {
    return onIndex(this.#parts.manifests, principal, index, async (manifest): Promise<Outcome<IndexState>> => {
      if (areExplained) return ok({ manifest, lsn: 0, edition: null, isUnshared: true });
      const { shards, served } = this.#parts;
      const [lsn, edition] = await Promise.all([shards.of(manifest).lsn(), served.editionOf(manifest)]);
      if (!lsn.ok) return lsn;
      return edition.ok ? ok({ manifest, lsn: lsn.value ?? 0, edition: edition.value, isUnshared: lsn.value === null }) : edition;
    });
  }

  async #modelOf(manifest: IndexManifest, body: Body): Promise<{ readonly model: string; readonly modelVersion: string }> {
    const embedding = this.#parts.kind.embeddingOf(manifest, body);
    if (embedding === null) return { model: '', modelVersion: '' };
    const contract = await this.#parts.embedder.contractOf(manifest.tenantId, embedding.model, embedding.contractHash);
    // What an alias stands for, as purges have it.
    return contract.ok ? { model: contract.value.id, modelVersion: contract.value.version } : { model: embedding.model, modelVersion: '' };
  }
}

/** What each search found, as if it had been alone; tokens are counted for all together. */
const keptOf = <Found extends Complete>({ found, manifest }: SearchedTogether<Found>, edition: number | null): Kept<Found>[] =>
  found.map((one) => ({ found: one, manifest, edition: one.edition ?? edition, ...NO_TOKENS }));

const answersOf = <Found>(
  answers: readonly Kept<Found>[],
  { tokens, cachedTokens }: TokensUsed,
  report: CacheReport | undefined,
): QueryAnswers<Found> => ({ answers, tokens, cachedTokens, report });

/** What results are of: the same until the next write, or another version of a document is served. */
const stateOf = ({ id, generation }: IndexManifest, lsn: number, edition: number | null): string =>
  `${id}:${generation}:${lsn}:${edition ?? ''}`;

/**
 * The same for the same question: parsed bodies list their fields in the order of their schema. Where a vector stands, the text has its length, and
 * its numbers follow as bytes: as text they would take more than all else of a cached answer.
 */
export function searchDigest(sha256: Sha256, kind: string, body: object): string {
  const vectors: Uint8Array[] = [];
  const text = JSON.stringify(body, (_, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    vectors.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    return value.byteLength;
  });
  return `${kind}:${sha256(joinedBytes([...vectors, utf8(text)]))}`;
}
