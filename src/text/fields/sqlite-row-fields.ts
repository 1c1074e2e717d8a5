import type {
  CountedSearch,
  FieldHighlight,
  FieldMatches,
  FieldSearch,
  Fragment,
  PostingsFields,
  PostingsQuery,
  PostingsWork,
  RowContents,
  RowSource,
  TermStatistics,
} from '../../ann/row-fields.ts';
import type { Row, VectorPlace } from '../../ann/stored-vector.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { IndexFields } from '../../contract/indexes/index-fields.ts';
import { TEXT_LIMITS } from '../../contract/indexes/text-limits.ts';
import { groupBy } from '../../kernel/grouped.ts';
import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import { ok } from '../../kernel/result.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import type { RememberingStorage } from '../../kernel/sql/remembering-storage.ts';
import type { FragmentOptions } from '../highlighting/highlight.ts';
import { highlight } from '../highlighting/highlight.ts';
import type { CompiledQuery } from '../query/compiled-query.ts';
import { SparseEngine } from '../postings/sparse-engine.ts';
import type { Clause, PostedRow, SparseQuery } from '../postings/sparse-query.ts';
import { dimensionTerm } from '../postings/term-key.ts';
import { compileQuery } from '../query/compile-query.ts';
import { IndexedRows } from './indexed-rows.ts';
import type { Analysers, KnownField, KnownSparseField, KnownTextField } from './known-fields.ts';
import { knownFields, postingsVersion } from './known-fields.ts';
import { occurrencesIn, postingsOf, textOf } from './row-postings.ts';
import type { TextLeg, TextSearch } from './text-plan.ts';
import { inverseFrequency, TextPlan } from './text-plan.ts';

/** What one slice of a build reads: some milliseconds of analysis. */
const SLICE_ROWS_MAX = 128;
const SLICE_BYTES_MAX = 96 * 1024;
/** Characters of texts that are analysed between two turns of others: some milliseconds. */
const STEP_CHARS = 32 * 1024;
/** What a restart reads at once of the rows that are not flushed. */
const RELOAD_BYTES_MAX = 1024 * 1024;

/** What the postings of a shard may take, beside others of its isolate. */
export interface PostingsMemory {
  readonly registry: MemoryRegistry;
  /** Of the shard, in the isolate. */
  readonly name: string;
  /** Of what is read again when it is needed. */
  readonly bytesMax: number;
}

/** Text and sparse fields of a shard's rows, over the sparse engine. Fields that the rows had no postings of are built in slices. */
export class SqliteRowFields implements PostingsFields {
  readonly #rows: RowSource;
  readonly #analysers: Analysers;
  readonly #indexed: IndexedRows;
  readonly #engine: SparseEngine;
  readonly #storage: RememberingStorage;
  readonly #memory: PostingsMemory;
  readonly #holder: MemoryHolder = { evict: (bytes) => this.#letGo(bytes) };
  #known: { readonly of: IndexFields; readonly fields: ReadonlyMap<string, KnownField> } | undefined;
  // Whether maintenance found nothing to do since the last write.
  #isQuiet = false;

  constructor(storage: RememberingStorage, rows: RowSource, analysers: Analysers, memory: PostingsMemory) {
    this.#storage = storage;
    this.#rows = rows;
    this.#analysers = analysers;
    this.#indexed = new IndexedRows(storage);
    this.#memory = memory;
    this.#engine = new SparseEngine(storage, { rowsBehind: (row) => this.#postedBehind(row) }, memory.bytesMax);
  }

  define(fields: IndexFields): void {
    const known = this.#indexed.state;
    if (JSON.stringify(known?.fields ?? {}) === JSON.stringify(fields)) return;
    if (known !== undefined) this.#engine.clear();
    const isEmpty = this.#rows.contentsBehind(0, 1, 1).length === 0;
    this.#indexed.set({ fields, version: postingsVersion(this.#fieldsOf(fields)), builtRow: isEmpty ? null : 0 });
    this.#isQuiet = false;
  }

  put(rows: readonly RowContents[]): void {
    this.#isQuiet = false;
    // While rows are built, these come to their turn: they are behind all others.
    if (this.#indexed.state === undefined || this.#isBuilding) return;
    for (const row of rows) this.#engine.put(postingsOf(row, this.#fields.values()));
    this.#claim();
  }

  remove(places: readonly VectorPlace[]): void {
    this.#isQuiet = false;
    if (this.#indexed.state === undefined) return;
    for (const [namespace, of] of groupBy(places, (place) => place.namespace)) {
      this.#engine.remove(
        namespace,
        of.map(({ row }) => row),
      );
    }
  }

  clear(): void {
    const { state } = this.#indexed;
    if (state === undefined) return;
    this.#engine.clear();
    this.#indexed.set({ ...state, version: postingsVersion(this.#fields), builtRow: null });
  }

  *search({ topK, statistics, query: asked, namespace, among }: FieldSearch<PostingsQuery>): Steps<Outcome<FieldMatches<PostingsWork>>> {
    const counted = this.#serving(asked, statistics);
    if (!counted.ok) return counted;
    const query = yield* this.#queryOf(asked, statistics, namespace);
    if (query === undefined) return ok({ rows: [], scores: [], work: { postings: 0, postingsRead: 0, scored: 0 } });
    const { rows, scores, work } = yield* this.#engine.searchInSteps({
      ...query,
      among,
      topK,
      orderTies: (tied) =>
        this.#rows
          .idsOf(tied)
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .map(({ row }) => row),
    });
    this.#claim();
    return ok({ rows, scores, work: { postings: work.postings, postingsRead: work.postingsRead, scored: work.candidates } });
  }

  *statistics({ query, namespace, among }: CountedSearch<PostingsQuery>): Steps<Outcome<TermStatistics>> {
    const serving = this.#serving(query, null);
    if (!serving.ok) return serving;
    const asked =
      query.kind === 'text'
        ? yield* this.#planOf(query).terms(({ ordinal: field }, prefix, accepts) =>
            this.#engine.terms({ space: { namespace, field }, prefix, accepts, countMax: TEXT_LIMITS.expansionsReadMaxCount }),
          )
        : [{ field: this.#fields.get(query.field)!, terms: query.indices.map(dimensionTerm) }];
    const fields: TermStatistics['fields'][number][] = [];
    const terms: TermStatistics['terms'][number][] = [];
    for (const { field, terms: of } of asked) {
      const space = { namespace, field: field.ordinal };
      const totals = among === undefined ? this.#engine.totals(space) : yield* this.#engine.totalsAmong(space, among);
      fields.push({ name: field.name, ...totals });
      const frequencies = yield* this.#engine.documentFrequencies(space, of, among);
      of.forEach((term, i) => terms.push({ field: field.name, term, documents: frequencies[i]! }));
    }
    this.#claim();
    return ok({ fields, terms });
  }

  *highlight(
    rows: Iterable<RowContents>,
    { query, fields, options }: FieldHighlight,
  ): Steps<Outcome<Record<string, readonly Fragment[]>[]>> {
    const compiled: { readonly field: KnownTextField; readonly of: CompiledQuery }[] = [];
    for (const name of fields) {
      const field = this.#fields.get(name);
      if (field?.kind !== 'text') return refuse('invalid_value', `${name} is no text field of the index`, ['highlight', 'fields']);
      compiled.push({ field, of: compileQuery(query, field.analyser) });
    }
    const shown: Record<string, readonly Fragment[]>[] = [];
    let due = STEP_CHARS;
    for (const row of rows) {
      const fragments: [name: string, of: readonly Fragment[]][] = [];
      for (const { field, of } of compiled) {
        const text = textOf(row, field) ?? '';
        fragments.push([field.name, fragmentsOf(text, field, of, options)]);
        due -= text.length;
        if (due > 0) continue;
        yield undefined;
        due = STEP_CHARS;
      }
      shown.push(Object.fromEntries(fragments));
    }
    return ok(shown);
  }

  sweep(): boolean {
    const { state } = this.#indexed;
    if (state === undefined || this.#isQuiet) return false;
    const isMore = this.#storage.transactionSync(() => {
      if (this.#isBuilding) return this.#buildSlice();
      this.#isQuiet = !this.#engine.sweep();
      return !this.#isQuiet;
    });
    this.#claim();
    return isMore;
  }

  get isSweepDue(): boolean {
    return !this.#isQuiet && this.#indexed.state !== undefined;
  }

  evict(): void {
    this.#letGo(Infinity);
    this.#memory.registry.release(this.#memory.name, this.#holder);
  }

  get bytes(): number {
    return this.#indexed.state === undefined ? 0 : this.#engine.bytes;
  }

  /** What is in memory now: others of the isolate make room for it. */
  #claim(): void {
    const { registry, name } = this.#memory;
    registry.claim(name, this.#holder, Math.min(this.bytes, registry.bytesMax));
  }

  /** Lists first; then all, which takes the analysis of the rows that are not flushed. */
  #letGo(bytes: number): number {
    const given = this.#engine.evict(bytes);
    if (given >= bytes) return given;
    this.#engine.forget();
    return Infinity;
  }

  get #fields(): ReadonlyMap<string, KnownField> {
    return this.#fieldsOf(this.#indexed.state?.fields ?? {});
  }

  #fieldsOf(fields: IndexFields): ReadonlyMap<string, KnownField> {
    if (this.#known?.of !== fields) this.#known = { of: fields, fields: knownFields(fields, this.#analysers) };
    return this.#known.fields;
  }

  /** Whether rows lack postings: of fields that are new, or that are analysed by other rules now. */
  get #isBuilding(): boolean {
    const { state } = this.#indexed;
    return state !== undefined && (state.builtRow !== null || state.version !== postingsVersion(this.#fields));
  }

  /** Returns true: maintenance follows. */
  #buildSlice(): boolean {
    const { fields, version, builtRow } = this.#indexed.state!;
    const current = postingsVersion(this.#fields);
    const isAnother = version !== current;
    if (isAnother) this.#engine.clear();
    const from = isAnother ? 0 : (builtRow ?? 0);
    const rows = this.#rows.contentsBehind(from, SLICE_ROWS_MAX, SLICE_BYTES_MAX);
    this.#indexed.set({ fields, version: current, builtRow: from });
    for (const row of rows) this.#engine.put(postingsOf(row, this.#fields.values()));
    this.#indexed.set({ fields, version: current, builtRow: rows.at(-1)?.row ?? null });
    // The memtable holds what is not flushed: a long build must not fill it.
    this.#engine.sweep();
    return true;
  }

  /** For the engine, when its memory was lost. */
  *#postedBehind(after: Row): Generator<PostedRow> {
    const last = this.#indexed.state?.builtRow ?? Infinity;
    for (let from = after; ;) {
      const rows = this.#rows.contentsBehind(from, SLICE_ROWS_MAX, RELOAD_BYTES_MAX);
      for (const row of rows) {
        if (row.row > last) return;
        yield postingsOf(row, this.#fields.values());
      }
      const next = rows.at(-1)?.row;
      if (next === undefined) return;
      from = next;
    }
  }

  /** Refuses a query for fields that the index does not have, or whose postings are being built. */
  #serving<T>(query: PostingsQuery, value: T): Outcome<T> {
    const names = query.kind === 'text' ? query.fields.map(({ name }) => name) : [query.field];
    const unknown = names.find((name) => this.#fields.get(name)?.kind !== query.kind);
    if (unknown !== undefined) return refuse('invalid_value', `${unknown} is no ${query.kind} field of the index`, ['fields', unknown]);
    if (this.#isBuilding) return refuse('index_growing', 'the fields of the index are being built: retry');
    return ok(value);
  }

  #planOf(leg: TextLeg): TextPlan {
    const searched = leg.fields.map(({ name, weight }) => ({ field: this.#fields.get(name) as KnownTextField, weight }));
    return new TextPlan(leg, searched);
  }

  *#queryOf(
    query: PostingsQuery,
    statistics: TermStatistics,
    namespace: number,
  ): Steps<Omit<SparseQuery, 'among' | 'topK' | 'orderTies'> | undefined> {
    if (query.kind === 'sparse') {
      const clauses = sparseClauses(query, this.#fields.get(query.field) as KnownSparseField, statistics);
      return { namespace, clauses, condition: undefined, judge: undefined };
    }
    const search = yield* this.#planOf(query).search(statistics);
    if (search === undefined) return undefined;
    const { clauses, condition, hasPhrases } = search;
    return { namespace, clauses, condition, judge: hasPhrases ? this.#judgeOf(search) : undefined };
  }

  /** Analyses the texts of the rows that it is asked about: between steps, so many characters. */
  #judgeOf(search: TextSearch): NonNullable<SparseQuery['judge']> {
    const { fields } = search;
    let due = STEP_CHARS;
    return function* judged(this: SqliteRowFields, row: Row, scoreMax: number): Steps<number | undefined> {
      const [contents] = this.#rows.contentsBehind(row - 1, 1, 1);
      // Removed between two steps.
      if (contents?.row !== row) return undefined;
      const known = new Map<KnownTextField, ReturnType<typeof occurrencesIn>>();
      for (const field of fields) {
        const text = textOf(contents, field);
        if (text === undefined) continue;
        known.set(field, occurrencesIn(field, text));
        due -= text.length;
        if (due > 0) continue;
        yield undefined;
        due = STEP_CHARS;
      }
      return search.judge((field) => known.get(field), scoreMax);
    }.bind(this);
  }
}

function sparseClauses(
  { indices, values }: Extract<PostingsQuery, { kind: 'sparse' }>,
  { ordinal, idf }: KnownSparseField,
  { fields, terms }: TermStatistics,
): Clause[] {
  const documents = fields[0]?.documents ?? 0;
  const having = new Map(terms.map((counted) => [counted.term, counted.documents]));
  return indices.map((index, i) => {
    const term = dimensionTerm(index);
    const weight = values[i]! * (idf ? inverseFrequency(documents, having.get(term) ?? 0) : 1);
    return { field: ordinal, term, weight, scoring: { kind: 'product' } };
  });
}

const fragmentsOf = (text: string, { analyser }: KnownTextField, query: CompiledQuery, options: FragmentOptions): Fragment[] =>
  highlight(text, analyser, query, options).map(({ matches, ...part }) => ({
    ...part,
    matches: matches.map(([begin, end]) => ({ begin, end })),
  }));
