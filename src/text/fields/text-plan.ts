import type { PostingsQuery, TermStatistics } from '../../ann/row-fields.ts';
import { TEXT_LIMITS } from '../../contract/indexes/text-limits.ts';
import type { Steps } from '../../kernel/stepped-work.ts';
import type { Clause, Condition } from '../postings/sparse-query.ts';
import type { CompiledLeaf, CompiledQuery } from '../query/compiled-query.ts';
import { compileQuery } from '../query/compile-query.ts';
import { must } from '../../kernel/assert.ts';
import { FuzzyMatcher } from '../query/fuzzy-matcher.ts';
import { eachPhraseSpan } from '../query/phrase-spans.ts';
import type { KnownTextField } from './known-fields.ts';
import type { TermOccurrences } from './row-postings.ts';

export type TextLeg = Extract<PostingsQuery, { kind: 'text' }>;

/** A field that a leg searches. */
export interface SearchedField {
  readonly field: KnownTextField;
  readonly weight: number;
}

/** Fields that are analysed alike understand a query alike: a part of it is met in any of them. */
interface FieldGroup {
  readonly fields: readonly SearchedField[];
  readonly query: CompiledQuery;
}

/** A leaf of the query in one field, and its clauses. */
interface PlacedLeaf {
  readonly leaf: CompiledLeaf;
  readonly field: KnownTextField;
  readonly clauses: readonly number[];
}

/** How a part of the query takes part in it. */
interface QueryPart {
  /** 1: its terms add to scores. */
  readonly counts: 0 | 1;
  /** Rows that it matches are left out: it stands in an odd number of `must_not`. */
  readonly isShutOut: boolean;
}

const anyOf = (of: readonly Condition[]): Condition => (of.length === 1 ? of[0]! : { kind: 'atLeast', count: 1, of });
const NEVER = anyOf([]);

const SOUGHT: QueryPart = { counts: 1, isShutOut: false };

/** The terms that a leaf stands for, by what each weighs beside the leaf. */
type Expansion = readonly (readonly [term: string, share: number])[];

/** A dictionary: terms of a field that begin so and are accepted. */
export type ReadTerms = (field: KnownTextField, prefix: string, accepts: (term: string) => boolean) => Steps<readonly string[]>;

// Terms of the statistics compared with a leaf in a step: up to a microsecond each.
const STEP_TERMS = 8_192;

/** What each field of a query for text asks for. */
export class TextPlan {
  readonly #groups: readonly FieldGroup[];
  readonly #leg: TextLeg;

  constructor(leg: TextLeg, fields: readonly SearchedField[]) {
    const byVersion = new Map<string, SearchedField[]>();
    for (const searched of fields) {
      const { version } = searched.field.analyser;
      const known = byVersion.get(version);
      if (known === undefined) byVersion.set(version, [searched]);
      else known.push(searched);
    }
    this.#groups = [...byVersion.values()].map((alike) => ({ fields: alike, query: compileQuery(leg.query, alike[0]!.field.analyser) }));
    this.#leg = leg;
  }

  /** The terms that the query stands for in each field, once each: those of prefixes and fuzzy terms as the dictionary has them. */
  *terms(read: ReadTerms): Steps<{ readonly field: KnownTextField; readonly terms: readonly string[] }[]> {
    const found: { readonly field: KnownTextField; readonly terms: readonly string[] }[] = [];
    for (const { fields, query } of this.#groups) {
      for (const { field } of fields) {
        const terms = new Set<string>();
        for (const leaf of leavesOf(query)) for (const term of yield* dictionaryTerms(leaf, field, read)) terms.add(term);
        found.push({ field, terms: [...terms] });
      }
    }
    return found;
  }

  /** What to search, given what is counted. Undefined: nothing can match. */
  *search(statistics: TermStatistics): Steps<TextSearch | undefined> {
    const search = new TextSearch(this.#leg, statistics);
    for (const { fields, query } of this.#groups) yield* search.expand(leavesOf(query), fields);
    const conditions = this.#groups.flatMap(({ fields, query }) => search.add(query, fields) ?? []);
    return conditions.length === 0 || search.clauses.length === 0 ? undefined : search.under(anyOf(conditions));
  }
}

/** Clauses, and which rows they make match; what only texts decide, such as phrases, is judged by the text of a row. */
export class TextSearch {
  readonly clauses: Clause[] = [];
  condition: Condition = NEVER;
  readonly #leg: TextLeg;
  readonly #counted = new Map<
    string,
    { readonly documents: number; readonly averageLength: number; readonly terms: Map<string, number> }
  >();
  readonly #leaves: PlacedLeaf[] = [];
  /** By field and leaf. */
  readonly #expansions = new Map<KnownTextField, Map<CompiledLeaf, Expansion>>();
  readonly #trees: { readonly query: CompiledQuery; readonly leaves: ReadonlyMap<CompiledLeaf, readonly PlacedLeaf[]> }[] = [];

  constructor(leg: TextLeg, { fields, terms }: TermStatistics) {
    this.#leg = leg;
    for (const { name, documents, totalLength } of fields) {
      this.#counted.set(name, { documents, averageLength: documents === 0 ? 1 : totalLength / documents, terms: new Map() });
    }
    for (const { field, term, documents } of terms) this.#counted.get(field)?.terms.set(term, documents);
  }

  /** Before they are added: what leaves stand for in these fields. */
  *expand(leaves: readonly CompiledLeaf[], fields: readonly SearchedField[]): Steps<void> {
    for (const { field } of fields) {
      const expansions = new Map<CompiledLeaf, Expansion>();
      for (const leaf of leaves) expansions.set(leaf, yield* this.#expanded(leaf, field));
      this.#expansions.set(field, expansions);
    }
  }

  /** Adds the clauses of a query in fields that understand it alike; undefined: it matches nothing. */
  add(query: CompiledQuery, fields: readonly SearchedField[]): Condition | undefined {
    if (query.kind === 'nothing') return undefined;
    const leaves = new Map<CompiledLeaf, readonly PlacedLeaf[]>();
    const condition = this.#condition(query, fields, SOUGHT, leaves);
    this.#trees.push({ query, leaves });
    return condition;
  }

  under(condition: Condition): this {
    this.condition = condition;
    return this;
  }

  /** The fields whose texts `judge` looks at. */
  get fields(): ReadonlySet<KnownTextField> {
    return new Set(this.#leaves.map(({ field }) => field));
  }

  /** Whether texts have to be looked at. */
  get hasPhrases(): boolean {
    return this.#leaves.some(({ leaf }) => leaf.kind === 'phrase');
  }

  /**
   * The score of a row whose terms match: that of its clauses, but of phrases that do not occur. Undefined: the row does not match.
   * `scoreMax`: with all phrases.
   */
  judge(occurrencesOf: (field: KnownTextField) => TermOccurrences | undefined, scoreMax: number): number | undefined {
    const holds = new Map(this.#leaves.map((placed) => [placed, holdsIn(placed.leaf, this.#termsOf(placed), occurrencesOf(placed.field))]));
    const matches = this.#trees.some(({ query, leaves }) =>
      isMet(query, (leaf) => (leaves.get(leaf) ?? []).some((placed) => holds.get(placed))),
    );
    if (!matches) return undefined;
    const { k1, b } = this.#leg;
    let score = 0;
    for (const placed of this.#leaves) {
      const occurrences = holds.get(placed) === true ? occurrencesOf(placed.field) : undefined;
      if (occurrences === undefined) continue;
      const length = occurrences.length / this.#counted.get(placed.field.name)!.averageLength;
      for (const at of placed.clauses) {
        const { term, weight } = this.clauses[at]!;
        const frequency = occurrences.counts.get(term) ?? 0;
        if (frequency > 0) score += (weight * (k1 + 1)) / (1 + (k1 * (1 - b + b * length)) / frequency);
      }
    }
    // The sums of the engine and of this differ in their last bits.
    return Math.min(score, scoreMax);
  }

  #termsOf({ clauses }: PlacedLeaf): string[] {
    return clauses.map((at) => this.clauses[at]!.term);
  }

  #condition(
    query: Exclude<CompiledQuery, { kind: 'nothing' }>,
    fields: readonly SearchedField[],
    part: QueryPart,
    leaves: Map<CompiledLeaf, readonly PlacedLeaf[]>,
  ): Condition {
    if (query.kind !== 'group') return this.#leafCondition(query, fields, part, leaves);
    const of = (queries: readonly CompiledQuery[], as: QueryPart) =>
      queries.flatMap((inner) => (inner.kind === 'nothing' ? [] : [this.#condition(inner, fields, as, leaves)]));
    const excluded: QueryPart = { counts: 0, isShutOut: !part.isShutOut };
    const [needs, should, not] = [of(query.must, part), of(query.should, part), of(query.not, excluded)];
    const needed = query.minimum === 0 ? needs : [...needs, { kind: 'atLeast', count: query.minimum, of: should } as const];
    const all: Condition = { kind: 'atLeast', count: needed.length, of: needed };
    return not.length === 0 ? all : { kind: 'allBut', of: all, not: anyOf(not) };
  }

  #leafCondition(
    leaf: CompiledLeaf,
    fields: readonly SearchedField[],
    { counts, isShutOut }: QueryPart,
    leaves: Map<CompiledLeaf, readonly PlacedLeaf[]>,
  ): Condition {
    const placed = fields.map(({ field, weight }) => {
      const expansion = must(this.#expansions.get(field)?.get(leaf), 'leaves are expanded before');
      const clauses = expansion.map(([term, share]) => this.#clause(field, term, counts * weight * leaf.weight * share));
      return { leaf, field, clauses };
    });
    this.#leaves.push(...placed);
    leaves.set(leaf, placed);
    // Rows that have the terms of a phrase may still be without it: until they are judged, it shuts none out.
    if (leaf.kind === 'phrase' && isShutOut) return NEVER;
    return anyOf(
      placed.map(({ clauses }) => {
        const of = clauses.map((clause): Condition => ({ kind: 'clause', clause }));
        return leaf.kind === 'phrase' ? { kind: 'atLeast', count: of.length, of } : anyOf(of);
      }),
    );
  }

  /**
   * The terms of the statistics that a leaf stands for: of prefixes and fuzzy terms the most frequent ones, equal ones in order. The first ones
   * only, as one dictionary is read: several shards have more in sum, but have not all counted the last of them.
   */
  *#expanded(leaf: CompiledLeaf, { name }: KnownTextField): Steps<Expansion> {
    if (leaf.kind === 'term') return [[leaf.term, 1]];
    if (leaf.kind === 'phrase') return leaf.terms.map((term) => [term, 1]);
    const found: [term: string, share: number, documents: number][] = [];
    const share = sharesOf(leaf);
    let due = STEP_TERMS;
    for (const [term, documents] of this.#counted.get(name)?.terms ?? []) {
      due -= 1;
      if (due === 0) {
        yield undefined;
        due = STEP_TERMS;
      }
      const weight = documents === 0 ? 0 : share(term);
      if (weight > 0) found.push([term, weight, documents]);
    }
    return found
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, TEXT_LIMITS.expansionsReadMaxCount)
      .sort((a, b) => b[2] - a[2])
      .slice(0, TEXT_LIMITS.expansionsMaxCount)
      .map(([term, weight]) => [term, weight]);
  }

  #clause({ name, ordinal }: KnownTextField, term: string, weight: number): number {
    const { k1, b } = this.#leg;
    const { documents = 0, averageLength = 1, terms } = this.#counted.get(name) ?? {};
    this.clauses.push({
      field: ordinal,
      term,
      weight: weight * inverseFrequency(documents, terms?.get(term) ?? 0),
      scoring: { kind: 'bm25', k1, b, averageLength },
    });
    return this.clauses.length - 1;
  }
}

/** ln(1 + (N - n + 0.5) / (n + 0.5)): Robertson and Zaragoza 2009, section 3.1, without its negative values. */
export const inverseFrequency = (documents: number, having: number): number =>
  Math.log(1 + (Math.max(documents, having) - having + 0.5) / (having + 0.5));

function leavesOf(query: CompiledQuery): CompiledLeaf[] {
  if (query.kind === 'nothing') return [];
  return query.kind === 'group' ? [...query.must, ...query.should, ...query.not].flatMap(leavesOf) : [query];
}

/** What a term weighs beside a prefix or fuzzy term; 0: it is none of its. */
function sharesOf(leaf: Extract<CompiledLeaf, { kind: 'prefix' | 'fuzzy' }>): (term: string) => number {
  if (leaf.kind === 'prefix') return (term) => (term.startsWith(leaf.prefix) ? 1 : 0);
  const matcher = new FuzzyMatcher(leaf);
  return (term) => {
    const edits = matcher.edits(term);
    return edits === undefined ? 0 : matcher.weight(edits, term);
  };
}

function* dictionaryTerms(leaf: CompiledLeaf, field: KnownTextField, read: ReadTerms): Steps<readonly string[]> {
  if (leaf.kind === 'term') return [leaf.term];
  if (leaf.kind === 'phrase') return leaf.terms;
  const share = sharesOf(leaf);
  return yield* read(field, leaf.kind === 'prefix' ? leaf.prefix : leaf.term.slice(0, leaf.prefixLength), (term) => share(term) > 0);
}

/** Whether a leaf is met in a text. */
function holdsIn(leaf: CompiledLeaf, terms: readonly string[], found: TermOccurrences | undefined): boolean {
  if (found === undefined) return false;
  if (leaf.kind !== 'phrase') return terms.some((term) => found.counts.has(term));
  let holds = false;
  eachPhraseSpan(
    leaf,
    leaf.terms.map((term) => found.positions.get(term) ?? []),
    () => {
      holds = true;
    },
  );
  return holds;
}

function isMet(query: CompiledQuery, holds: (leaf: CompiledLeaf) => boolean): boolean {
  if (query.kind === 'nothing') return false;
  if (query.kind !== 'group') return holds(query);
  const met = (part: CompiledQuery) => isMet(part, holds);
  return query.must.every(met) && query.should.filter(met).length >= query.minimum && !query.not.some(met);
}
