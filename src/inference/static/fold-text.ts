// oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
const BEYOND_ASCII = /[^\x00-\x7f]/;
// oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
const EACH_BEYOND_ASCII = /[^\x00-\x7f]/gu;

/**
 * What changes no word: accents of Latin, Greek and Cyrillic letters, vowel points of Arabic and Hebrew, joiners, selectors, soft hyphens and
 * marks of direction. The vowel signs of Indic scripts and the voicing marks of kana are not among them: words differ in nothing else.
 */
const MARKS =
  // oxlint-disable-next-line no-misleading-character-class -- marks by themselves are what is meant
  /[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\u{e0100}-\u{e01ef}]+/gu;
/** No word has so many marks on one letter, and sorting a long run of them is what makes normalisation quadratic. */
const RUN_OF_MARKS = /(\p{M}{4})\p{M}+/gu;

const PLAIN = new Map([
  ...["'", '\u2018', '\u2019', '\u02bc'].map((char) => [char, "'"] as const),
  ...['\u2010', '\u2011'].map((char) => [char, '-'] as const),
  // Letters that have no decomposition, as English writes them.
  ...(['\u00dfss', '\u1e9ess', '\u00e6ae', '\u00c6AE', '\u0153oe', '\u0152OE', '\u00f8o', '\u00d8O'] as const).map(pair),
  ...(['\u0111d', '\u0110D', '\u00f0d', '\u00d0D', '\u0142l', '\u0141L', '\u0131i', '\u00feth', '\u00deTh'] as const).map(pair),
  // The final form of a letter.
  pair('\u03c2\u03c3'),
]);

function pair(letters: string): readonly [string, string] {
  return [letters.slice(0, 1), letters.slice(1)];
}

/**
 * The text with its compatibility forms and accents resolved (`\ufb01` -> `fi`, `\u00e9` -> `e`, full width -> plain), typographic apostrophes and
 * hyphens made plain, and letters beyond ASCII in lower case. ASCII letters keep their case, which separates the parts of identifiers.
 */
export function foldText(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text;
  return text
    .replace(MARKS, '')
    .replace(RUN_OF_MARKS, '$1')
    .normalize('NFKD')
    .replace(MARKS, '')
    .normalize('NFC')
    .replace(EACH_BEYOND_ASCII, (char) => PLAIN.get(char) ?? lowerCase(char));
}

/** Some letters become several in lower case, or another letter that has a plain form. */
function lowerCase(char: string): string {
  const lower = char.toLowerCase();
  return PLAIN.get(lower) ?? lower;
}
