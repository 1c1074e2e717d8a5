import { TEXT_LIMITS } from '../../contract/indexes/text-limits.ts';
import type { Analyser } from '../analysis/analyser.ts';
import { TERM_USE } from '../analysis/term.ts';
import type { CompiledLeaf, CompiledPhrase, CompiledQuery } from '../query/compiled-query.ts';
import { FuzzyMatcher } from '../query/fuzzy-matcher.ts';
import { eachPhraseSpan } from '../query/phrase-spans.ts';

/** A stretch of a text that a leaf of a query matches, in UTF-16 units. */
export interface Match {
  readonly start: number;
  readonly end: number;
  /** The leaf's place among those of the query: equal for matches of one leaf. */
  readonly leaf: number;
  readonly weight: number;
}

/** Where the words of a phrase are. */
interface Occurrences {
  readonly positions: number[];
  readonly starts: number[];
  readonly ends: number[];
}

/** The matches of a query in a text, in any order: `highlightMatchesMaxCount` at most. A word of a phrase matches only within the phrase. */
export function matchesIn(text: string, analyser: Analyser, query: CompiledQuery): Match[] {
  const leaves = leavesOf(query);
  const leafOf = leafFinder(leaves);
  const inPhrases = new Map<string, Occurrences>();
  for (const leaf of leaves) {
    if (leaf.kind !== 'phrase') continue;
    for (const term of leaf.terms) inPhrases.set(term, { positions: [], starts: [], ends: [] });
  }
  const matches: Match[] = [];
  analyser.analyse(text, (term, position, start, end, use) => {
    if (matches.length >= TEXT_LIMITS.highlightMatchesMaxCount) return;
    const leaf = leafOf(term);
    if (leaf !== undefined) matches.push({ start, end, leaf, weight: leaves[leaf]?.weight ?? 0 });
    const occurrences = (use & TERM_USE.chain) === 0 ? undefined : inPhrases.get(term);
    if (occurrences === undefined) return;
    occurrences.positions.push(position);
    occurrences.starts.push(start);
    occurrences.ends.push(end);
  });
  for (const [leaf, phrase] of leaves.entries()) {
    if (phrase.kind === 'phrase') matches.push(...phraseMatches(phrase, leaf, inPhrases));
  }
  return matches.slice(0, TEXT_LIMITS.highlightMatchesMaxCount);
}

function phraseMatches(phrase: CompiledPhrase, leaf: number, inPhrases: ReadonlyMap<string, Occurrences>): Match[] {
  const words = phrase.terms.map((term) => inPhrases.get(term) ?? { positions: [], starts: [], ends: [] });
  const [begin] = words;
  const close = words.at(-1);
  const matches: Match[] = [];
  const each = words.map(({ positions }) => positions);
  eachPhraseSpan(phrase, each, (first, last) => {
    const start = begin?.starts[begin.positions.indexOf(first)] ?? 0;
    const end = close?.ends[close.positions.indexOf(last)] ?? 0;
    matches.push({ start, end, leaf, weight: phrase.weight * phrase.terms.length });
  });
  return matches;
}

/** All leaves but those of `not`. */
function leavesOf(query: CompiledQuery): CompiledLeaf[] {
  if (query.kind === 'nothing') return [];
  return query.kind === 'group' ? [...query.must, ...query.should].flatMap(leavesOf) : [query];
}

/** Finds the first leaf that a term matches, and remembers it. */
function leafFinder(leaves: readonly CompiledLeaf[]): (term: string) => number | undefined {
  const known = new Map<string, number | undefined>();
  const open: { readonly leaf: number; readonly accepts: (term: string) => boolean }[] = [];
  for (const [leaf, query] of leaves.entries()) {
    if (query.kind === 'term' && !known.has(query.term)) known.set(query.term, leaf);
    if (query.kind === 'prefix') open.push({ leaf, accepts: (term) => term.startsWith(query.prefix) });
    if (query.kind !== 'fuzzy') continue;
    const matcher = new FuzzyMatcher(query);
    open.push({ leaf, accepts: (term) => matcher.edits(term) !== undefined });
  }
  return (term) => {
    if (open.length > 0 && !known.has(term)) known.set(term, open.find(({ accepts }) => accepts(term))?.leaf);
    return known.get(term);
  };
}
