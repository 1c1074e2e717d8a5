import { BM25 } from '../../contract/vectors/plans/bm25.ts';
import type { Analyser } from '../analysis/analyser.ts';
import { compileQuery } from '../query/compile-query.ts';
import type { CompiledQuery } from '../query/compiled-query.ts';

const { k1: K1, b: B } = BM25;

interface Posting {
  readonly document: number;
  frequency: number;
}

/** A text that was found, by its position. */
interface ScoredText {
  readonly position: number;
  readonly score: number;
}

/** BM25 over texts in memory, every posting of a query's words scored: what faster searches have to equal. */
export class ExhaustiveBm25 {
  readonly #postings = new Map<string, Posting[]>();
  readonly #lengths: number[] = [];
  readonly #averageLength: number;
  readonly #analyser: Analyser;

  constructor(texts: readonly string[], analyser: Analyser) {
    this.#analyser = analyser;
    for (const [document, text] of texts.entries()) {
      const { words } = analyser.analyse(text, (term) => this.#count(term, document));
      this.#lengths.push(words);
    }
    this.#averageLength = this.#lengths.reduce((sum, length) => sum + length, 0) / texts.length;
  }

  /** The best texts, best first; of equal scores the earlier one. */
  best(query: string, count: number): ScoredText[] {
    const scores = new Map<number, number>();
    for (const { term, weight } of termsOf(compileQuery(query, this.#analyser))) {
      const postings = this.#postings.get(term) ?? [];
      const idf = Math.log(1 + (this.#lengths.length - postings.length + 0.5) / (postings.length + 0.5));
      for (const { document, frequency } of postings) {
        const norm = K1 * (1 - B + (B * (this.#lengths[document] ?? 0)) / this.#averageLength);
        scores.set(document, (scores.get(document) ?? 0) + (weight * idf * frequency * (K1 + 1)) / (frequency + norm));
      }
    }
    return [...scores]
      .map(([position, score]) => ({ position, score }))
      .sort((a, b) => b.score - a.score || a.position - b.position)
      .slice(0, count);
  }

  #count(term: string, document: number): void {
    const postings = this.#postings.get(term) ?? [];
    this.#postings.set(term, postings);
    const last = postings.at(-1);
    if (last?.document === document) last.frequency += 1;
    else postings.push({ document, frequency: 1 });
  }
}

/** The words of a query, without its conditions. */
function termsOf(query: CompiledQuery): { readonly term: string; readonly weight: number }[] {
  if (query.kind === 'group') return query.should.flatMap(termsOf);
  return query.kind === 'term' ? [query] : [];
}
