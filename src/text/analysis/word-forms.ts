import type { AnalysisSettings } from '../../contract/indexes/analysis.ts';
import { STEMMED_LANGUAGES } from '../../contract/indexes/analysis.ts';
import { TEXT_LIMITS } from '../../contract/indexes/text-limits.ts';
import { withoutAccents } from './accents.ts';
import { INVISIBLE } from './character-classes.ts';
import type { Stem } from './stemmers.ts';
import { STEMMERS } from './stemmers.ts';
import { stopWordsOf } from './stop-words.ts';

const { formsKeptMaxCount, termCharsMax } = TEXT_LIMITS;

/** Languages that leave vowels out before others, as in `l'avion`: what follows the apostrophe is the word. */
const ELIDING: ReadonlySet<string> = new Set(['french', 'italian', 'irish']);

/** Turns words as they are written into terms, and remembers them. */
export class WordForms {
  #known = new Map<string, string>();
  /** What was known before there was so much: words in use come back from it, the others go when it is replaced. */
  #older = new Map<string, string>();
  readonly #stopWords: ReadonlySet<string>;
  readonly #stem: Stem | undefined;
  readonly #language: string;

  constructor({ language, stemming, stop_words: stopWords }: AnalysisSettings) {
    this.#language = language;
    const stemmed = STEMMED_LANGUAGES.find((known) => known === language);
    this.#stem = stemming && stemmed !== undefined ? STEMMERS[stemmed] : undefined;
    const list = stopWords === 'none' ? [] : stopWords === 'default' ? stopWordsOf(language) : stopWords;
    this.#stopWords = new Set(list.map((word) => this.#spelling(word)));
  }

  /** The term of a word; '' of a stop word. */
  termOf(word: string): string {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    const term = this.#older.get(word) ?? this.#made(word);
    if (this.#known.size >= formsKeptMaxCount) {
      this.#older = this.#known;
      this.#known = new Map();
    }
    this.#known.set(ownCopy(word), term);
    return term;
  }

  /** A spelling without case and accents, not stemmed. */
  folded(word: string): string {
    return ownCopy(withoutAccents(this.#spelling(word)).slice(0, termCharsMax));
  }

  #made(word: string): string {
    const spelling = this.#spelling(word);
    if (this.#stopWords.has(spelling)) return '';
    return ownCopy(withoutAccents(this.#stem?.(spelling) ?? spelling).slice(0, termCharsMax));
  }

  /** In lower case and compatible form, without apostrophes: `don't` is `dont`, and of `l'avion` remains `avion`. */
  #spelling(word: string): string {
    const compatible = isAscii(word) ? word : word.normalize('NFKC').replaceAll('’', "'").replaceAll(INVISIBLE, '');
    const lower = this.#language === 'turkish' ? compatible.toLocaleLowerCase('tr') : compatible.toLowerCase();
    const quote = lower.indexOf("'");
    if (quote < 0) return lower.replaceAll(',', '.').slice(0, termCharsMax);
    if (ELIDING.has(this.#language)) return lower.slice(quote + 1).replaceAll("'", '');
    return lower.replace(/'s$/, '').replaceAll("'", '');
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** A string that shares no memory with the text it was cut from: what keeps it would keep the whole text. */
const ownCopy = (text: string): string => (text.length < 13 ? text : ` ${text}`.slice(1));
