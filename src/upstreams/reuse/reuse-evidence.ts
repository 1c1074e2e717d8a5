import { wilsonUpper } from '../../kernel/wilson.ts';

/** How an answer to other words compares with what the model answers. */
export interface ReuseCounts {
  readonly checked: number;
  /** Those that differed from the model's own answer. */
  readonly differed: number;
}

/** Routes of tenants whose counts an isolate keeps, some 100 bytes each; one that was dropped starts without evidence. */
const KNOWN_MAX = 1_000;

/**
 * How often answers to reworded questions were false, by what they were given for, as this isolate has measured it. Without evidence the
 * bound is 1: reuse begins once enough was checked, and ends by itself once the bound is too high. [U126]
 */
export class ReuseEvidence {
  /** The least recently used is dropped first. */
  readonly #counts = new Map<string, ReuseCounts>();

  of(key: string): ReuseCounts {
    return this.#counts.get(key) ?? NONE;
  }

  note(key: string, hasDiffered: boolean): void {
    const { checked, differed } = this.of(key);
    this.#counts.delete(key);
    this.#counts.set(key, { checked: checked + 1, differed: differed + (hasDiffered ? 1 : 0) });
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= KNOWN_MAX) break;
      this.#counts.delete(oldest);
    }
  }
}

const NONE: ReuseCounts = { checked: 0, differed: 0 };

/** The most that the share of false answers may be: the upper end of its 95 % interval. */
export const falseHitBound = ({ checked, differed }: ReuseCounts): number => (checked === 0 ? 1 : wilsonUpper(differed, checked));

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
