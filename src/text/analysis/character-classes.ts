/** What a UTF-16 unit is to the scanner. */
export const CLASS = {
  other: 0,
  letter: 1,
  digit: 2,
  /** Belongs to the letter before it. */
  mark: 3,
  /** Chinese, Japanese and Korean: segmented, and paired. */
  paired: 4,
  /** Thai, Lao, Khmer and Burmese: segmented. */
  segmented: 5,
  /** Half of a character beyond 16 bits. */
  surrogate: 6,
  /** Not looked at yet. */
  unknown: 255,
} as const;

const PAIRED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々〆]/u;
const SEGMENTED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

const classes = new Uint8Array(65_536).fill(CLASS.unknown);

/** The class of a UTF-16 unit. */
export function classOf(unit: number): number {
  const known = classes[unit] ?? CLASS.other;
  return known === CLASS.unknown ? (classes[unit] = classified(unit)) : known;
}

function classified(unit: number): number {
  if (unit >= 0xd800 && unit < 0xe000) return CLASS.surrogate;
  return characterClass(String.fromCharCode(unit));
}

/** Soft hyphens, and what joins letters or keeps them apart: no letters, but within words. */
export const INVISIBLE = /[\u00ad\u200c\u200d]/g;

/** The class of a whole character. */
export function characterClass(character: string): number {
  if (character.search(INVISIBLE) === 0) return CLASS.mark;
  const isWordCharacter = /[\p{L}\p{N}\p{M}]/u.test(character);
  if (!isWordCharacter) return character === 'ー' ? CLASS.paired : CLASS.other;
  if (PAIRED.test(character)) return CLASS.paired;
  if (SEGMENTED.test(character)) return CLASS.segmented;
  if (/\p{L}/u.test(character)) return CLASS.letter;
  return /\p{N}/u.test(character) ? CLASS.digit : CLASS.mark;
}
