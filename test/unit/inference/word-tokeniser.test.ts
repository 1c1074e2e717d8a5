import { describe, expect, it } from 'vitest';
import { Vocabulary } from '../../../src/inference/static/vocabulary.ts';
import { WordTokeniser } from '../../../src/inference/static/word-tokeniser.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { readStaticTable } from '../../../src/inference/static/static-model.ts';
import { defaultModel, modelFile } from '../../support/fixtures/default-model.ts';

const WORDS = [
  'the',
  'dog',
  'do',
  'state',
  'of',
  'art',
  'well',
  'known',
  'well-known',
  'cafe',
  'fi',
  'o',
  'neill',
  'n',
  'can',
  'v2',
  'vis-a-vis',
];
const tokeniser = new WordTokeniser(new Vocabulary(utf8(WORDS.join('\n'))));

/** Token ids as words; unknown tokens as `?`. */
const words = (text: string): string => Array.from(tokeniser.tokenise(text).ids, (id) => (id === 0 ? '?' : WORDS[id - 1])).join(' ');

describe('words', () => {
  it.each([
    ['The DOG', 'the dog'],
    ['caf\u00e9 cafe\u0301 CAF\u00c9', 'cafe cafe cafe'],
    ['\ufb01 \uff46\uff49', 'fi fi'],
    ['dog\u2019s dog\u02bcs', 'dog ? dog ?'],
    ['well\u2010known well\u2011known', 'well-known well-known'],
  ])('[M1] %s -> %s', (text, expected) => {
    expect(words(text)).toBe(expected);
  });

  it.each([
    ['well-known', 'well-known'],
    ['Well-Known.', 'well-known'],
    ['state-of-the-art', 'state of the art'],
    ['well-known-dog', 'well known dog'],
    ['-dog- --well--', 'dog well'],
    ["the dog's", 'the dog ?'],
    ["don't", 'do ?'],
    ["DON'T can't", 'do ? ? ?'],
    ["n't", 'n ?'],
    ["o'neill", 'o neill'],
    ["dogs'", '?'],
    ["dog'", 'dog'],
    ['the, dog! (of) art?', 'the dog of art'],
    ['v2 v3', 'v2 ?'],
    ['', ''],
    [' \t\n', ''],
  ])('[M2] %j -> %j', (text, expected) => {
    expect(words(text)).toBe(expected);
  });

  it.each([
    ['\u65e5\u672c\u8a9e \u30c6\u30ad\u30b9\u30c8', '? ?'],
    ['dog\u65e5', '?'],
    ['\ud83d\ude00', ''],
    ['the \ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67 dog', 'the dog'],
    ['\ud835\udcb9\u2134\u210a', 'dog'],
    ['\ud801\udc00 \ud801\udc01', '? ?'],
    ['\ud800 dog \udfff', 'dog'],
    ['1990 3.14', '? ? ?'],
  ])('[M3] %j -> %j', (text, expected) => {
    expect(words(text)).toBe(expected);
  });
});

it('[M2] every word of the default vocabulary is its own single token', () => {
  const table = readStaticTable(modelFile);
  if (!table.ok) throw new Error(table.error.reason);
  const vocabulary = new TextDecoder().decode(table.value.vocabulary).split('\n');
  expect(vocabulary).toHaveLength(60_000);
  const astray = vocabulary.filter((word, at) => {
    const { ids } = defaultModel.tokeniser.tokenise(word);
    return ids.length !== 1 || ids[0] !== at + 1;
  });
  expect(astray).toEqual([]);
});

it.each([255, 256, 257, 512, 100_001])(
  '[M3] %i words of one letter give the same number of tokens, and one word gives one afterwards',
  (count) => {
    expect(tokeniser.tokenise(Array<string>(count).fill('o').join(' ')).ids).toHaveLength(count);
    expect(tokeniser.tokenise('dog').ids).toHaveLength(1);
  },
);

it('an empty vocabulary knows nothing', () => {
  const empty = new WordTokeniser(new Vocabulary(new Uint8Array()));
  expect(empty.vocabularySize).toBe(1);
  expect([...empty.tokenise('the dog').ids]).toEqual([0, 0]);
});

it.each([
  ['the dog', 0],
  ["the dog's zzqx", 1],
  ['well-known well-zzqx zzqx-known vis-a-vis', 2],
  ['\u041c\u043e\u0441\u043a\u0432\u0430 dog', 1],
])('[M97] of the words of %j a model of words alone lacks %i', (text, unknown) => {
  for (const _ of [1, 2]) expect(tokeniser.tokenise(text).unknown).toBe(unknown);
});
