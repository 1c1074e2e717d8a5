import type { Span } from '../blocks/block.ts';

let sentenceSegmenter: Intl.Segmenter | undefined;
let wordSegmenter: Intl.Segmenter | undefined;

/** Made at first use: they load dictionaries. Which rules hold depends on the script, not on the locale. */
const sentenceRules = (): Intl.Segmenter => (sentenceSegmenter ??= new Intl.Segmenter('en', { granularity: 'sentence' }));
const wordRules = (): Intl.Segmenter => (wordSegmenter ??= new Intl.Segmenter('en', { granularity: 'word' }));

/** Before a cut, so far is a word's beginning looked for: the longest words of most languages. */
const WORD_CHARS_MAX = 128;

/** A line that is longer was not broken to fit a page: its end is an end of what it says. Programs break lines at 72 to 120 characters. */
const WRAPPED_CHARS_MAX = 120;

/** A stretch of a block's text, and whether it begins a line that means something. */
export interface Sentence extends Span {
  readonly beginsLine: boolean;
}

/**
 * The sentences of a text by Unicode's rules (UAX 29), each with the white space behind it. A line end is a space here where the line was broken to fit a page,
 * and else the end of a sentence. [DC20]
 */
export function sentencesOf(text: string): Sentence[] {
  const sentences: Sentence[] = [];
  for (const { begin, end } of paragraphsOf(text)) {
    const line = text.slice(begin, end).replaceAll(/[\r\n\u0085\u2028\u2029]/g, ' ');
    for (const { index, segment } of sentenceRules().segment(line))
      sentences.push({ begin: begin + index, end: begin + index + segment.length, beginsLine: index === 0 });
  }
  return sentences;
}

/** Lines, those that were broken to fit a page with the next. */
function paragraphsOf(text: string): Span[] {
  const paragraphs: Span[] = [];
  let begin = 0;
  for (const line of linesOf(text)) {
    if (line.end - line.begin <= WRAPPED_CHARS_MAX && line.end < text.length) continue;
    paragraphs.push({ begin, end: line.end });
    begin = line.end;
  }
  return paragraphs;
}

/** The lines of a text, each with its line end. */
export function linesOf(text: string): Span[] {
  const lines: Span[] = [];
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('\n', at);
    const next = found < 0 ? text.length : found + 1;
    lines.push({ begin: at, end: next });
    at = next;
  }
  return lines;
}

/** The beginning of the last word that begins at most at `to`, also in scripts without spaces; else the last whole character there. Beyond `from` in any case. [DC21] */
export function cutBefore(text: string, from: number, to: number): number {
  const start = Math.max(from, to - WORD_CHARS_MAX);
  const window = text.slice(start, to + WORD_CHARS_MAX);
  let cut = 0;
  for (const { index } of wordRules().segment(window)) if (start + index <= to) cut = start + index;
  if (cut > start) return cut;
  const isWithin = (text.charCodeAt(to) & 0xfc00) === 0xdc00;
  return isWithin ? (to - 1 > from ? to - 1 : to + 1) : to;
}
