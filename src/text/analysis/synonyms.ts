import type { EmitTerm } from './term.ts';
import { TERM_USE } from './term.ts';

/** What a phrase of several words means, from its last word on. */
interface Phrase {
  readonly terms: readonly string[];
  readonly meaning: string;
}

interface Word {
  readonly term: string;
  readonly position: number;
  readonly start: number;
}

/**
 * Emits for each word or phrase that has synonyms the term of its group, which all of them share; so their statistics are one term's. The
 * word's own term stays, for prefixes and fuzzy terms.
 */
export class SynonymMatcher {
  readonly #meanings = new Map<string, string>();
  readonly #phrases = new Map<string, Phrase[]>();
  #longest = 1;

  constructor(groups: readonly (readonly string[])[], chainOf: (text: string) => readonly string[]) {
    for (const group of groups) {
      const chains = group.map(chainOf).filter((chain) => chain.length > 0);
      // No term has a space.
      const meaning = chains[0]?.join(' ') ?? '';
      for (const terms of chains) this.#learn(terms, meaning);
    }
  }

  /** An emitter that adds synonyms to what it is given of one text. */
  over(text: string, emit: EmitTerm): EmitTerm {
    let recent: Word[] = [];
    let behind = 0;
    return (term, position, start, end, use) => {
      const meaning = (use & TERM_USE.chain) === 0 ? undefined : this.#meanings.get(term);
      if (meaning === undefined || meaning === term) emit(term, position, start, end, use);
      else {
        emit(term, position, start, end, use & TERM_USE.counts);
        emit(meaning, position, start, end, TERM_USE.bag | TERM_USE.chain);
      }
      if (this.#longest === 1 || (use & TERM_USE.chain) === 0) return;
      // A phrase does not reach from one paragraph into the next.
      if (text.slice(behind, start).includes('\n\n')) recent = [];
      behind = end;
      recent.push({ term, position, start });
      if (recent.length > this.#longest) recent.shift();
      for (const phrase of this.#phrases.get(term) ?? []) {
        const first = firstOf(recent, phrase.terms);
        if (first !== undefined) emit(phrase.meaning, first.position, first.start, end, TERM_USE.bag);
      }
    };
  }

  #learn(terms: readonly string[], meaning: string): void {
    const last = terms.at(-1) ?? '';
    if (terms.length === 1) this.#meanings.set(last, meaning);
    else this.#phrases.set(last, [...(this.#phrases.get(last) ?? []), { terms, meaning }]);
    this.#longest = Math.max(this.#longest, terms.length);
  }
}

/** The word with which the phrase begins that ends with the last of `recent`, if it does. */
function firstOf(recent: readonly Word[], terms: readonly string[]): Word | undefined {
  const from = recent.length - terms.length;
  return from >= 0 && terms.every((term, i) => recent[from + i]?.term === term) ? recent[from] : undefined;
}
