import type { Span } from '../blocks/block.ts';

let sentenceSegmenter: Intl.Segmenter | undefined;
let wordSegmenter: Intl.Segmenter | undefined;

/** Made at first use: they load dictionaries. Which rules hold depends on the script, not on the locale. */
const sentenceRules = (): Intl.Segmenter => (sentenceSegmenter ??= new Intl.Segmenter('en', { granularity: 'sentence' }));
const wordRules = (): Intl.Segmenter => (wordSegmenter ??= new Intl.Segmenter('en', { granularity: 'word' }));

/** Before a cut, so far is a word's beginning looked for: the longest words of most languages. */
const WORD_CHARS_MAX = 128;

/**
 * The sentences of a stretch by Unicode's rules (UAX 29), each with the white space behind it. Lines of a paragraph may end within a sentence, so that a line
 * end is a space here.
 */
export function sentencesOf(text: string, { begin, end }: Span): Span[] {
  const line = text.slice(begin, end).replaceAll(/[\r\n\u0085\u2028\u2029]/g, ' ');
  return Array.from(sentenceRules().segment(line), ({ index, segment }) => ({ begin: begin + index, end: begin + index + segment.length }));
}

/** The lines of a stretch, each with its line end. */
export function linesOf(text: string, { begin, end }: Span): Span[] {
  const lines: Span[] = [];
  for (let at = begin; at < end;) {
    const found = text.indexOf('\n', at);
    const next = found < 0 || found >= end ? end : found + 1;
    lines.push({ begin: at, end: next });
    at = next;
  }
  return lines;
}

/** The beginning of the last word that begins at most at `to`, also in scripts without spaces; else the last whole character there. Beyond `from` in any case. */
export function cutBefore(text: string, from: number, to: number): number {
  const start = Math.max(from, to - WORD_CHARS_MAX);
  const window = text.slice(start, to + WORD_CHARS_MAX);
  let cut = 0;
  for (const { index } of wordRules().segment(window)) if (start + index <= to) cut = start + index;
  if (cut > start) return cut;
  const isWithin = (text.charCodeAt(to) & 0xfc00) === 0xdc00;
  return isWithin ? (to - 1 > from ? to - 1 : to + 1) : to;
}
