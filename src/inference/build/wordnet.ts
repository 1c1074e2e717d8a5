import { assert } from '../../kernel/assert.ts';
import { Seeded } from '../../kernel/seeded.ts';
import type { WordTokeniser } from '../static/word-tokeniser.ts';

/** A set of synonyms and what they mean. */
export interface Synset {
  /** The lexicographer file, which is the broad topic: `05` is animals (lexnames(5WN)). */
  readonly topic: string;
  /** Multi-word lemmas have blanks. */
  readonly lemmas: readonly string[];
  /** The definition, without the example sentences. */
  readonly gloss: string;
  /** The definition and the example sentences, as the file has them. */
  readonly entry: string;
}

/** Parses a `data.*` file of the WordNet 3.1 database (format: wndb(5WN)). */
export function parseSynsets(file: string): Synset[] {
  // Lines that start with a blank are the licence.
  return file
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(' '))
    .map(parseSynset);
}

/** Every word of every lemma, in lower case. */
export const dictionaryWords = (synsets: readonly Synset[]): ReadonlySet<string> =>
  new Set(synsets.flatMap(({ lemmas }) => lemmas.flatMap((lemma) => lemma.toLowerCase().split(' '))));

function parseSynset(line: string): Synset {
  const bar = line.indexOf(' | ');
  const fields = line.slice(0, bar).split(' ');
  const lemmaCount = Number.parseInt(fields[3]!, 16);
  const lemmas = Array.from({ length: lemmaCount }, (_, i) => lemmaText(fields[4 + 2 * i]!));
  const entry = line.slice(bar + 3).trim();
  const [gloss = ''] = entry.split('; "');
  return { topic: fields[1]!, lemmas, gloss: gloss.trim(), entry };
}

/** `attributive(a)` -> `attributive`: the suffix is the syntactic marker of an adjective. */
const lemmaText = (field: string): string => field.replace(/\([a-z]+\)$/, '').replaceAll('_', ' ');

/** The lemmas that are one word of letters, in lower case, each once, in alphabetical order. */
export const oneWordLemmas = (synsets: readonly Synset[]): string[] =>
  [...new Set(synsets.flatMap(({ lemmas }) => lemmas.map((lemma) => lemma.toLowerCase())))]
    .filter((lemma) => /^[a-z]{2,}$/.test(lemma))
    .toSorted();

/** One retrieval question: which lemma does this definition define? */
interface GlossProbe {
  readonly gloss: string;
  readonly lemma: string;
}

const GLOSS_TOKENS_MIN = 3;

/**
 * `count` synsets drawn without replacement in the order that `seed` gives, kept when the vocabulary has every word of the first lemma and
 * at least three words of the gloss, and the gloss does not give a word of the lemma away.
 */
export function glossProbes(synsets: readonly Synset[], tokeniser: WordTokeniser, count: number, seed: number): GlossProbe[] {
  const probes: GlossProbe[] = [];
  for (const synset of shuffled(synsets, seed)) {
    const lemma = tokeniser.tokenise(synset.lemmas[0]!).ids;
    const gloss = tokeniser.tokenise(synset.gloss).ids;
    const known = gloss.filter((id) => id !== 0).length;
    if (lemma.includes(0) || known < GLOSS_TOKENS_MIN || lemma.some((id) => gloss.includes(id))) continue;
    if (probes.push({ gloss: synset.gloss, lemma: synset.lemmas[0]! }) === count) return probes;
  }
  assert(false, 'enough synsets for the probes asked for');
}

/** Definitions and the lemmas they define, as texts: for models whose tokenisers have no words that are unknown. */
export function glossTexts(synsets: readonly Synset[], count: number, seed: number): { gloss: string; lemma: string }[] {
  const texts: { gloss: string; lemma: string }[] = [];
  for (const { gloss, lemmas } of shuffled(synsets, seed)) {
    const lemma = lemmas[0]!.toLowerCase();
    // A definition that names the lemma asks nothing.
    if (lemma.split(/[ -]/).some((word) => gloss.toLowerCase().includes(word))) continue;
    if (texts.push({ gloss, lemma }) === count) return texts;
  }
  assert(false, 'enough synsets for the texts asked for');
}

/** Fisher-Yates: the same order for the same seed on every engine. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const order = [...items];
  const rng = new Seeded(seed);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
