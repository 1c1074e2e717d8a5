import { OTHER_WORDS } from './other-words.ts';

/** Longer names are no slips of the pen, and what compares them takes the square of their length. */
const CHARS_MAX = 64;

/**
 * The known word that a caller meant by one that is not known: the same but for capitals, hyphens and underscores; what another product calls so
 * (`OTHER_WORDS`); the closest by edits, if they are few for its length; or the only one that it begins. Undefined: none comes close. [G146]
 */
export function closestTo(given: string, known: readonly string[]): string | undefined {
  if (given.length > CHARS_MAX) return undefined;
  const plain = plainOf(given);
  const same = known.find((word) => plainOf(word) === plain);
  if (same !== undefined) return same === given ? undefined : same;
  const slips = known
    .map((word) => ({ word, edits: word.length > CHARS_MAX ? Number.POSITIVE_INFINITY : editsBetween(plain, plainOf(word)) }))
    .filter(({ word, edits }) => edits <= editsAllowed(plain, plainOf(word)))
    .toSorted((one, other) => one.edits - other.edits);
  const [slip] = slips;
  if (slip?.edits === 1) return slip.word;
  const translated = Object.hasOwn(OTHER_WORDS, plain) ? OTHER_WORDS[plain]?.find((word) => known.includes(word)) : undefined;
  return translated ?? slip?.word ?? begunBy(plain, known);
}

/** The one word that a shortened one begins, such as `meta` and `metadata`. */
function begunBy(plain: string, known: readonly string[]): string | undefined {
  const [begun, ...others] = plain.length < SHORT_CHARS_MIN ? [] : known.filter((word) => plainOf(word).startsWith(plain));
  return others.length === 0 ? begun : undefined;
}

const SHORT_CHARS_MIN = 3;

const plainOf = (word: string): string => word.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');

/** One edit for words of up to five letters, then one in three letters; never all of the word. */
const editsAllowed = (one: string, other: string): number => {
  const letters = Math.max(one.length, other.length);
  return Math.min(Math.max(1, Math.floor(letters / 3)), letters - 1);
};

/**
 * How many letters have to be put in, left out, replaced or swapped with their neighbour to make one word of another: the optimal string alignment
 * distance (Boytsov, Indexing methods for approximate dictionary searching, 2011, section 2.2).
 */
export function editsBetween(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = at(row, j - 1) + Number(one[i - 1] !== other[j - 1]);
      const swaps = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      next.push(Math.min(at(row, j) + 1, at(next, j - 1) + 1, replaced, swaps ? at(before, j - 2) + 1 : replaced));
    }
    [before, row] = [row, next];
  }
  return at(row, other.length);
}

const at = (numbers: readonly number[], position: number): number => numbers[position] ?? Number.POSITIVE_INFINITY;
