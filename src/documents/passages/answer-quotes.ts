import type { Span } from '../blocks/block.ts';

/** A quote of an answer, with its marks. */
export interface Quote extends Span {
  /** What is quoted: white space as single spaces, without the last mark of punctuation. */
  readonly text: string;
  /** Numbers of passages right behind it. */
  readonly cited: readonly number[];
}

/** Quotation marks that open, and those that close. */
const QUOTATION_MARKS: Readonly<Record<string, string>> = { '"': '"', '“': '”', '„': '“', '«': '»', '「': '」', '『': '』' };

/** Shorter ones that cite nothing are names and terms, not quotes. */
const QUOTE_CHARS_MIN = 16;

const OPENING = /["“„«「『]/g;
const MARKS = /\[\s*\d{1,6}(?:\s*,\s*\d{1,6})*\s*\]/g;
const MARKS_BEHIND = /[.,;:!?)。，]{0,4}\s{0,4}((?:\[\s*\d{1,6}(?:\s*,\s*\d{1,6})*\s*\]\s?)+)/y;

/** The numbers by which an answer cites, each with the brackets that it stands in. */
export function marksOf(answer: string): (Span & { readonly number: number })[] {
  return Array.from(answer.matchAll(MARKS)).flatMap(({ 0: mark, index }) =>
    numbersOf(mark).map((number) => ({ begin: index, end: index + mark.length, number })),
  );
}

/** What an answer quotes: all that cites a passage, and of what cites none the longer ones. A mark that is not closed opens nothing. */
export function quotesOf(answer: string): Quote[] {
  const quotes: Quote[] = [];
  const unclosed = new Set<string>();
  OPENING.lastIndex = 0;
  for (let opening = OPENING.exec(answer); opening !== null; opening = OPENING.exec(answer)) {
    const closing = QUOTATION_MARKS[opening[0]] ?? '"';
    const end = unclosed.has(closing) ? -1 : answer.indexOf(closing, OPENING.lastIndex);
    if (end < 0) {
      unclosed.add(closing);
      continue;
    }
    const text = quotedText(answer.slice(OPENING.lastIndex, end));
    MARKS_BEHIND.lastIndex = end + 1;
    const cited = numbersOf(MARKS_BEHIND.exec(answer)?.[1] ?? '');
    if (text !== '' && (cited.length > 0 || text.length >= QUOTE_CHARS_MIN))
      quotes.push({ begin: opening.index, end: end + 1, text, cited });
    OPENING.lastIndex = end + 1;
  }
  return quotes;
}

const numbersOf = (marks: string): number[] => Array.from(marks.matchAll(/\d+/g), ([number]) => Number(number));

const quotedText = (text: string): string =>
  text
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replace(/[.,;:!?…。，]$/, '')
    .trimEnd();
