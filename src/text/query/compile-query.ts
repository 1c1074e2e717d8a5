import { TEXT_LIMITS } from '../../contract/indexes/text-limits.ts';
import type { FuzzyQuery, GroupQuery, PhraseQuery, PrefixQuery, TextQuery, WordsQuery } from '../../contract/vectors/text-query.ts';
import type { Analyser } from '../analysis/analyser.ts';
import { TERM_USE } from '../analysis/term.ts';
import type { CompiledLeaf, CompiledQuery } from './compiled-query.ts';

const NOTHING: CompiledQuery = { kind: 'nothing' };

/** Letters at the start of a fuzzy word that have to agree, unless it is said otherwise: without any, every term is compared. */
const FUZZY_PREFIX_DEFAULT = 1;

/**
 * What a query means to a field that is analysed so. Parts without any word that is searched are left out: `must: ['the', 'dog']` asks for
 * the dog. Terms beyond `queryTermsMaxCount`, which only the text
 * of a plan and scripts without spaces reach, are left out as well.
 */
export function compileQuery(query: TextQuery, analyser: Analyser): CompiledQuery {
  return new QueryCompiler(analyser).compiled(query, 1);
}

class QueryCompiler {
  readonly #analyser: Analyser;
  #termsLeft: number = TEXT_LIMITS.queryTermsMaxCount;

  constructor(analyser: Analyser) {
    this.#analyser = analyser;
  }

  compiled(query: TextQuery, around: number): CompiledQuery {
    if (typeof query === 'string') return this.#words({ text: query }, around);
    const weight = around * (query.boost ?? 1);
    if ('text' in query) return this.#words(query, weight);
    if ('phrase' in query) return this.#phrase(query, weight);
    if ('prefix' in query) return this.#prefix(query, weight);
    return 'fuzzy' in query ? this.#fuzzy(query, weight) : this.#group(query, weight);
  }

  #words({ text, operator }: WordsQuery, weight: number): CompiledQuery {
    if (operator === 'and') return all(leavesOf(this.#termsOf(text, TERM_USE.chain), weight));
    return any(leavesOf(this.#termsOf(text, TERM_USE.bag), weight));
  }

  #phrase({ phrase }: PhraseQuery, weight: number): CompiledQuery {
    const { text, slop = 0 } = typeof phrase === 'string' ? { text: phrase } : phrase;
    const found = this.#termsOf(text, TERM_USE.chain);
    const [first] = found;
    if (first === undefined) return NOTHING;
    if (found.length === 1) return { kind: 'term', term: first.term, weight };
    const offsets = found.map(({ position }) => position - first.position);
    return { kind: 'phrase', terms: found.map(({ term }) => term), offsets, slop, weight };
  }

  /** A word that is complete is found by its stem, too, which may be shorter than the prefix. */
  #prefix({ prefix }: PrefixQuery, weight: number): CompiledQuery {
    const found = this.#termsOf(prefix, TERM_USE.chain);
    const from = found.at(-1)?.start ?? 0;
    const last = prefix.slice(from).trim();
    const folded = this.#analyser.folded(last);
    if (!/[\p{L}\p{N}]/u.test(folded)) return NOTHING;
    const begun: CompiledLeaf = { kind: 'prefix', prefix: folded, weight };
    const stem = found.at(-1)?.term;
    const end = stem === undefined || stem.startsWith(folded) ? begun : any([begun, { kind: 'term', term: stem, weight }]);
    return all([...leavesOf(found.slice(0, -1), weight), end]);
  }

  #fuzzy({ fuzzy }: FuzzyQuery, weight: number): CompiledQuery {
    const {
      text,
      distance = 'auto',
      prefix_length: prefixLength = FUZZY_PREFIX_DEFAULT,
    } = typeof fuzzy === 'string' ? { text: fuzzy } : fuzzy;
    return any(
      this.#termsOf(text, TERM_USE.chain).map(({ term }) => {
        const edits = distance === 'auto' ? editsOf(term.length) : distance;
        return edits === 0 ? { kind: 'term', term, weight } : { kind: 'fuzzy', term, distance: edits, prefixLength, weight };
      }),
    );
  }

  #group({ must = [], should = [], must_not: mustNot = [], minimum_should_match: asked }: GroupQuery, weight: number): CompiledQuery {
    const part = (queries: readonly TextQuery[]): CompiledQuery[] =>
      queries.map((query) => this.compiled(query, weight)).filter(({ kind }) => kind !== 'nothing');
    const [required, optional, not] = [part(must), part(should), part(mustNot)];
    if (required.length === 0 && optional.length === 0) return NOTHING;
    const least = required.length === 0 ? 1 : 0;
    const minimum = Math.min(Math.max(asked ?? (must.length === 0 ? 1 : 0), least), optional.length);
    return { kind: 'group', must: required, should: optional, not, minimum };
  }

  #termsOf(text: string, use: number): FoundTerm[] {
    const found: FoundTerm[] = [];
    this.#analyser.analyse(text, (term, position, start, _end, uses) => {
      if ((uses & use) === 0 || this.#termsLeft === 0) return;
      this.#termsLeft -= 1;
      found.push({ term, position, start });
    });
    return found;
  }
}

interface FoundTerm {
  readonly term: string;
  readonly position: number;
  readonly start: number;
}

/** Each term once: one that is there several times weighs as much more. */
function leavesOf(found: readonly FoundTerm[], weight: number): CompiledLeaf[] {
  const counts = new Map<string, number>();
  for (const { term } of found) counts.set(term, (counts.get(term) ?? 0) + 1);
  return [...counts].map(([term, count]) => ({ kind: 'term', term, weight: weight * count }));
}

function any(should: readonly CompiledQuery[]): CompiledQuery {
  return should.length > 1 ? { kind: 'group', must: [], should, not: [], minimum: 1 } : (should[0] ?? NOTHING);
}

function all(must: readonly CompiledQuery[]): CompiledQuery {
  return must.length > 1 ? { kind: 'group', must, should: [], not: [], minimum: 0 } : (must[0] ?? NOTHING);
}

/** As many edits as leave most of a word: none of 2 letters, 1 up to 5, then 2. */
const editsOf = (letters: number): number => (letters <= 2 ? 0 : letters <= 5 ? 1 : 2);
