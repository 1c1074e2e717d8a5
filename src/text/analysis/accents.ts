/** Letters that Unicode does not take apart, and what they are written as without them. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ı: 'i',
  ς: 'σ',
};

const MADE_OF_LETTERS = /[ßæœøđðþłıς]/g;

/** Without accents of Latin, Greek and Cyrillic letters, in composed form; vowel signs of other scripts stay. */
export function withoutAccents(word: string): string {
  let isPlain = true;
  for (let i = 0; i < word.length && isPlain; i += 1) isPlain = word.charCodeAt(i) < 0x80;
  if (isPlain) return word;
  const bare = word
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f]/g, '')
    .normalize('NFC');
  return bare.replaceAll(MADE_OF_LETTERS, (letter) => LETTERS[letter] ?? letter);
}
