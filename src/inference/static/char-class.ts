/** What a character beyond ASCII is to the tokeniser. */
export const CharClass = {
  /** Separates words. */
  none: 1,
  /** A letter, digit or mark of a script that separates words by blanks. */
  word: 2,
  /** A letter of a script without blanks between words, or a pictograph: one token a character. */
  dense: 3,
} as const;

export type CharClass = (typeof CharClass)[keyof typeof CharClass];

const LETTER = /[\p{L}\p{N}\p{M}]/u;
const WITHOUT_BLANKS =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Yi}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]/u;
const PICTOGRAPH = /[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}]/u;
/** Pictographs by Unicode's table that are punctuation in prose. */
const NO_PICTOGRAPH = /[\u00a9\u00ae\u2122\u203c\u2049]/;

/** Classes of the basic plane as they are met; 0: not yet. 64 KiB. */
const known = new Uint8Array(0x10000);

export function charClassOf(codePoint: number): CharClass {
  const cached = codePoint < known.length ? (known[codePoint] as CharClass | 0) : 0;
  if (cached !== 0) return cached;
  const found = classify(String.fromCodePoint(codePoint));
  if (codePoint < known.length) known[codePoint] = found;
  return found;
}

function classify(char: string): CharClass {
  if (LETTER.test(char)) return WITHOUT_BLANKS.test(char) ? CharClass.dense : CharClass.word;
  return PICTOGRAPH.test(char) && !NO_PICTOGRAPH.test(char) ? CharClass.dense : CharClass.none;
}
