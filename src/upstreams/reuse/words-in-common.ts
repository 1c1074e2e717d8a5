/** Words by which an answer says the opposite, or something else, though all others are the same. */
const DECISIVE = /^(?:\p{N}.*|no|not|never|none|nothing|neither|nor|without|yes)$/u;

/** The share of their words that two answers have in common, from 0 to 1, each word as often as it stands; 0 where numbers or negations differ. */
export function wordsInCommon(one: string, other: string): number {
  const [a, b] = [wordsOf(one), wordsOf(other)];
  const left = new Map<string, number>();
  for (const word of a) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of b) {
    const count = left.get(word) ?? 0;
    if (count === 0 && DECISIVE.test(word)) return 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    common += 1;
  }
  for (const [word, count] of left) if (count > 0 && DECISIVE.test(word)) return 0;
  const all = a.length + b.length - common;
  return all === 0 ? 1 : common / all;
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
