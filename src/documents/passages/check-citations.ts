import type { Outcome } from '../../contract/api/outcome.ts';
import { DOCUMENT_LIMITS } from '../../contract/documents/document-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { ok } from '../../kernel/result.ts';
import type { Span } from '../blocks/block.ts';
import type { Quote } from './answer-quotes.ts';
import { marksOf, quotesOf } from './answer-quotes.ts';
import type { Citation, Passage } from './passage.ts';

/** A number by which an answer cites a passage. */
export interface CheckedMark extends Span {
  readonly number: number;
  /** Whether there is such a passage. */
  readonly exists: boolean;
}

/** A quote of an answer, with its offsets there. */
export interface CheckedQuote extends Span {
  /** Where it stands; null: in no passage that it cites, or in none at all if it cites none. */
  readonly citation: Citation | null;
}

export interface CheckedAnswer {
  readonly marks: readonly CheckedMark[];
  readonly quotes: readonly CheckedQuote[];
  /** Everything cited exists, and everything quoted stands there. */
  readonly isSound: boolean;
}

/**
 * Checks what an answer cites: `[1]` or `[1, 2]` name passages by their numbers, and what is in quotation marks has to stand in a passage that is cited right
 * behind it, or else in any. White space counts as one space, and a quote's last mark of punctuation as the answer's. Refuses an answer that is too long, or has too
 * many quotes. [DC34] [DC35]
 */
export function checkCitations(answer: string, passages: readonly Passage[]): Outcome<CheckedAnswer> {
  const { answerCharsMax, quotesMaxCount } = DOCUMENT_LIMITS;
  if (answer.length > answerCharsMax)
    return refuseBeyond({ limit: 'answerCharsMax', value: answer.length, what: `the answer has ${answer.length} characters` });
  const quotes = quotesOf(answer);
  if (quotes.length > quotesMaxCount)
    return refuseBeyond({ limit: 'quotesMaxCount', value: quotes.length, what: `the answer has ${quotes.length} quotes` });
  const texts = new Map(passages.map((passage) => [passage.number, new SearchablePassage(passage)]));
  const marks = marksOf(answer).map((mark) => ({ ...mark, exists: texts.has(mark.number) }));
  const checked = quotes.map(({ begin, end, text, cited }) => ({ begin, end, citation: citationOf({ text, cited }, texts) }));
  return ok({
    marks,
    quotes: checked,
    isSound: marks.every(({ exists }) => exists) && checked.every(({ citation }) => citation !== null),
  });
}

function citationOf({ text, cited }: Pick<Quote, 'text' | 'cited'>, texts: ReadonlyMap<number, SearchablePassage>): Citation | null {
  const searched = cited.length === 0 ? texts.values() : cited.flatMap((number) => texts.get(number) ?? []);
  for (const passage of searched) {
    const citation = passage.find(text);
    if (citation !== undefined) return citation;
  }
  return null;
}

/** A passage with its white space as single spaces, and where each unit of that was. */
class SearchablePassage {
  readonly #passage: Passage;
  readonly #text: string;
  readonly #places: readonly number[];

  constructor(passage: Passage) {
    this.#passage = passage;
    const places: number[] = [];
    let text = '';
    for (const { 0: run, index } of passage.text.matchAll(/\s+|\S+/g)) {
      const isSpace = run.trim() === '';
      text += isSpace ? ' ' : run;
      for (let i = 0; i < (isSpace ? 1 : run.length); i += 1) places.push(index + i);
    }
    this.#text = text;
    this.#places = places;
  }

  /** Where a text with single spaces stands in the document. */
  find(text: string): Citation | undefined {
    const found = this.#text.indexOf(text);
    if (found < 0) return undefined;
    const first = this.#places[found] ?? 0;
    const last = this.#places[found + text.length - 1] ?? 0;
    const { part, offset: begin } = this.#offsetOf(first);
    const { document, page, line, headings } = part;
    return { document, page, line, headings, begin, end: this.#offsetOf(last).offset + 1 };
  }

  /** Of a place in the passage's text that is not white space: the part that has it, and the document's offset. */
  #offsetOf(place: number) {
    const part = this.#passage.parts.findLast(({ at }) => at <= place) ?? this.#passage.parts[0]!;
    return { part, offset: part.begin + place - part.at };
  }
}
