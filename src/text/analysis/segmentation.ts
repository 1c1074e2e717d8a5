import { TEXT_LIMITS } from '../../contract/indexes/text-limits.ts';
import { keyHash } from '../../kernel/fast-hash.ts';
import { withoutAccents } from './accents.ts';
import type { EmitTerm } from './term.ts';
import { TERM_USE } from './term.ts';
import type { WordSpan } from './word-scanner.ts';

const { segmentedCharsMax, termCharsMax } = TEXT_LIMITS;

let segmenter: Intl.Segmenter | undefined;

/** Made at first use: it loads dictionaries. Which it uses depends on the script, not on the locale. */
const words = (): Intl.Segmenter => (segmenter ??= new Intl.Segmenter('en', { granularity: 'word' }));

/** Whose words tell versions of the platform's dictionaries apart. */
const PROBE =
  '研究生命起源的科学家们讨论了全球气候变化。東京都の人工知能研究者が発表した。데이터베이스에서 검색합니다. การค้นหาข้อมูลภาษาไทยบนเว็บ ການຄົ້ນຫາ ការស្វែងរក';

let version: string | undefined;

/** Another text where the platform's segmenter divides the probe in other ways. */
export const segmenterVersion = (): string =>
  (version ??= keyHash([...words().segment(PROBE)].map(({ index }) => index).join()).toString(36));

/**
 * Emits a run of a script without spaces: its words by the platform's segmenter, which count, and for Chinese, Japanese and Korean each pair
 * of neighbouring characters, so that a word is found however it was divided. Positions are those of characters. Returns how many.
 */
export function emitRun(text: string, span: WordSpan, position: number, emit: EmitTerm): number {
  let at = position;
  for (let start = span.start; start < span.end;) {
    const end = endOfPart(text, start, span.end);
    at += emitPart(text, start, end, span.isPaired, at, emit);
    start = end;
  }
  return at - position;
}

/** Never within a character. */
function endOfPart(text: string, start: number, end: number): number {
  const cut = start + segmentedCharsMax;
  if (cut >= end) return end;
  const unit = text.charCodeAt(cut);
  return unit >= 0xdc00 && unit < 0xe000 ? cut - 1 : cut;
}

function emitPart(text: string, start: number, end: number, isPaired: boolean, position: number, emit: EmitTerm): number {
  const run = text.slice(start, end);
  let at = position;
  for (const { segment, index } of words().segment(run)) {
    const from = start + index;
    const characters = Array.from(segment);
    const isSingle = characters.length === run.length;
    const isPair = isPaired && characters.length === 2;
    const use = isPaired && !isSingle && !isPair ? TERM_USE.counts | TERM_USE.bag : TERM_USE.word;
    if (!isPair)
      emit(termOf(segment), at, from, from + segment.length, isPaired && run.length > characters.length ? use & ~TERM_USE.chain : use);
    at += isPaired ? emitPairs(text, from, characters, end, isPair, at, emit) : 1;
  }
  return at - position;
}

/** The pairs that begin in a word, one a character; the run's last character begins none. */
function emitPairs(
  text: string,
  from: number,
  characters: string[],
  end: number,
  isWord: boolean,
  position: number,
  emit: EmitTerm,
): number {
  let at = from;
  for (const [i, character] of characters.entries()) {
    const next = at + character.length;
    if (next < end) {
      const behind = next + String.fromCodePoint(text.codePointAt(next) ?? 0).length;
      const counts = isWord && i === 0 ? TERM_USE.counts : 0;
      emit(termOf(text.slice(at, behind)), position + i, at, behind, counts | TERM_USE.bag | TERM_USE.chain);
    }
    at = next;
  }
  return characters.length;
}

const termOf = (word: string): string => withoutAccents(word.normalize('NFKC').toLowerCase()).slice(0, termCharsMax);
