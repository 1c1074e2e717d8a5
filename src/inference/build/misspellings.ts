import { Seeded } from '../../kernel/seeded.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** One edit makes most shorter words another word. */
const LETTERS_MIN = 4;

/** A misspelt word, and the position of the right one among the words. */
export interface Misspelling {
  readonly text: string;
  readonly word: number;
}

/**
 * `count` of `words`, drawn at random, each with one edit: a letter left out, added, replaced, or exchanged with the next. Edits that make another
 * of the words are drawn again: nothing in them is misspelt.
 */
export function misspellings(words: readonly string[], count: number, seed: number): Misspelling[] {
  const rng = new Seeded(seed);
  const known = new Set(words);
  const drawn: Misspelling[] = [];
  while (drawn.length < count) {
    const word = Math.floor(rng.next() * words.length);
    const spelt = words[word]!;
    if (spelt.length < LETTERS_MIN) continue;
    const text = misspelt(spelt, rng);
    if (!known.has(text)) drawn.push({ text, word });
  }
  return drawn;
}

function misspelt(word: string, rng: Seeded): string {
  const at = Math.floor(rng.next() * word.length);
  const letter = LETTERS.charAt(Math.floor(rng.next() * LETTERS.length));
  const edit = Math.floor(rng.next() * 4);
  if (edit === 0) return word.slice(0, at) + word.slice(at + 1);
  if (edit === 1) return word.slice(0, at) + letter + word.slice(at);
  if (edit === 2) return word.slice(0, at) + letter + word.slice(at + 1);
  const from = Math.min(at, word.length - 2);
  return word.slice(0, from) + word.charAt(from + 1) + word.charAt(from) + word.slice(from + 2);
}
