import { describe, expect, it } from 'vitest';
import { buildStaticModel } from '../../../src/inference/build/build-static-model.ts';
import { rowOf } from '../../../src/inference/build/matrix.ts';
import { dictionaryWords, parseSynsets } from '../../../src/inference/build/wordnet.ts';

const words = ['the', 'river', 'bank', 'town', 'music'];
const source = {
  wordVectors: {
    words,
    ranks: [1, 50, 60, 70, 80],
    wordsInSource: 100,
    vectors: { columns: 3, values: Float64Array.of(5, 1, 0, 5, 3, 1, 5, 2, -1, 5, -2, 2, 5, -3, -2) },
  },
  texts: ['the river bank', 'the town', 'music', 'town music', 'the river, the town', 'bank music'],
  sifA: 1e-4,
};
const lengthOf = (vector: Float64Array) => Math.hypot(...vector);
const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
const cosine = (x: Float64Array, y: Float64Array) => dot(x, y) / (lengthOf(x) * lengthOf(y));
const raw = (word: string) => rowOf(source.wordVectors.vectors, words.indexOf(word));

describe('building a static model', () => {
  const { table, vocabulary } = buildStaticModel(source);
  const vectorOf = (word: string) => rowOf(table, words.indexOf(word) + 1);

  it('[M15] gives the same bits when repeated', () => {
    expect(buildStaticModel(source)).toEqual({ table, vocabulary, axes: buildStaticModel(source).axes });
    expect(new TextDecoder().decode(vocabulary)).toBe(words.join('\n'));
  });

  it('[M15] makes the unknown token zero and the vector of the most frequent word short', () => {
    expect([...rowOf(table, 0)]).toEqual([0, 0, 0]);
    for (const word of words.slice(1)) expect(lengthOf(vectorOf(word))).toBeGreaterThan(10 * lengthOf(vectorOf('the')));
  });

  it('[M15] separates words by removing their common component', () => {
    expect(cosine(raw('river'), raw('music'))).toBeGreaterThan(0.3);
    expect(cosine(vectorOf('river'), vectorOf('music'))).toBeLessThan(0);
  });
});

it('reads lemmas and definitions of a WordNet file', () => {
  const file = [
    '  1 This software and database is being provided to you, the LICENSEE',
    '00002137 03 n 02 abstraction 0 abstract_entity 0 001 @ 00001740 n 0000 | a general concept; formed by extraction; "love is one"  ',
    '00003552 00 s 0b emerging(a) 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 Emergent 0 000 | coming into existence  ',
    '',
  ].join('\n');
  const synsets = parseSynsets(file);
  expect(synsets[0]).toMatchObject({ lemmas: ['abstraction', 'abstract entity'], gloss: 'a general concept; formed by extraction' });
  expect(synsets[1]?.lemmas).toEqual(['emerging', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'Emergent']);
  expect([...dictionaryWords(synsets)].slice(0, 4)).toEqual(['abstraction', 'abstract', 'entity', 'emerging']);
  expect(dictionaryWords(synsets).has('emergent')).toBe(true);
});
