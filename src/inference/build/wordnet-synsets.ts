/** A set of synonyms and what they mean. */
export interface Synset {
  /** The lexicographer file, which is the broad topic: `05` is animals (lexnames(5WN)). */
  readonly topic: string;
  /** Multi-word lemmas have blanks. */
  readonly lemmas: readonly string[];
  /** The definition, without the example sentences. */
  readonly gloss: string;
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
  const [gloss = ''] = line.slice(bar + 3).split('; "');
  return { topic: fields[1]!, lemmas, gloss: gloss.trim() };
}

/** `attributive(a)` -> `attributive`: the suffix is the syntactic marker of an adjective. */
const lemmaText = (field: string): string => field.replace(/\([a-z]+\)$/, '').replaceAll('_', ' ');
