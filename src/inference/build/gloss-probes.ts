import { assert } from '../../kernel/assert.ts';
import type { Tokeniser } from '../tokeniser.ts';
import type { Synset } from './wordnet-synsets.ts';

/** One retrieval question: which lemma does this definition define? */
export interface GlossProbe {
  readonly gloss: Int32Array;
  readonly lemma: Int32Array;
}

const GLOSS_TOKENS_MIN = 3;

/**
 * `count` synsets drawn without replacement in the order that `seed` gives, kept when the model knows every word of the first lemma and
 * at least three words of the gloss, and the gloss does not give a word of the lemma away.
 */
export function glossProbes(synsets: readonly Synset[], tokeniser: Tokeniser, count: number, seed: number): GlossProbe[] {
  const probes: GlossProbe[] = [];
  for (const synset of shuffled(synsets, seed)) {
    const lemma = tokeniser.tokenise(synset.lemmas[0]!);
    const gloss = tokeniser.tokenise(synset.gloss);
    const known = gloss.filter((id) => id !== 0).length;
    if (lemma.includes(0) || known < GLOSS_TOKENS_MIN || lemma.some((id) => gloss.includes(id))) continue;
    if (probes.push({ gloss, lemma }) === count) return probes;
  }
  assert(false, 'enough synsets for the probes asked for');
}

/** Fisher-Yates with the mulberry32 generator: the same order on every engine. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const order = [...items];
  let state = seed;
  for (let i = order.length - 1; i > 0; i--) {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    const j = Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
