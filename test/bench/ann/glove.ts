import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { assert } from '../../../src/kernel/assert.ts';
import { fetchSource, tarMember } from '../../../workers/cli/models/sources.ts';
import { GLOVE_SIF_100 } from '../../../workers/cli/models/glove-sif-100.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { normalise } from './normalise.ts';
import type { SetPlace } from './vector-set.ts';
import { BENCH_CACHE, isWritten, writeVectorSet } from './vector-set.ts';
import { vectorsOf } from './vectors.ts';

const WORDS = 341_479;
/** The number of queries held out, and of vectors searched: all others, or as many as take a minute. */
const FULL = { queries: 10_000, base: 331_479 };
const QUICK = { queries: 1000, base: 50_000 };
const DIMENSIONS = 100;
const SEED = 1;

/** The word vectors from the model's source, at unit length, shuffled by a fixed seed. */
export async function gloveSet(isQuick: boolean): Promise<SetPlace> {
  const name = isQuick ? 'glove-100-quick' : 'glove-100';
  const folder = join(BENCH_CACHE, name);
  if (!(await isWritten(folder))) {
    const { queries, base } = isQuick ? QUICK : FULL;
    const values = shuffled(wordVectors(await fetchSource()));
    const rows = (from: number, to: number) => vectorsOf(DIMENSIONS, values.slice(from * DIMENSIONS, to * DIMENSIONS));
    await writeVectorSet(folder, rows(queries, queries + base), rows(0, queries));
  }
  return { folder, name, metric: 'cosine' };
}

/** Each entry of the source's `vectors` is `"word":[100 numbers, their norm, the word's index]`. */
function wordVectors(tarball: Uint8Array): Float32Array<ArrayBuffer> {
  const json = tarMember(gunzipSync(tarball), GLOVE_SIF_100.source.member);
  const values = new Float32Array(WORDS * DIMENSIONS);
  let at = json.indexOf('"vectors":{');
  for (let word = 0; word < WORDS; word += 1) {
    const start = json.indexOf('":[', at) + 2;
    at = json.indexOf(']', start) + 1;
    const numbers = JSON.parse(json.toString('latin1', start, at)) as number[];
    assert(
      numbers.length === DIMENSIONS + 2 && numbers[DIMENSIONS + 1] === word,
      `entry ${word} of the source is the vector of word ${word}`,
    );
    values.set(numbers.slice(0, DIMENSIONS), word * DIMENSIONS);
  }
  return normalise(values, DIMENSIONS);
}

function shuffled(values: Float32Array): Float32Array<ArrayBuffer> {
  const random = new Seeded(SEED);
  const order = Array.from({ length: values.length / DIMENSIONS }, (_, row) => ({ row, key: random.next() }));
  order.sort((a, b) => a.key - b.key || a.row - b.row);
  const result = new Float32Array(values.length);
  order.forEach(({ row }, place) => result.set(values.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS), place * DIMENSIONS));
  return result;
}
