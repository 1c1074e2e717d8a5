import { describe, expect, it } from 'vitest';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { LETTER_BUCKETS } from '../../../src/inference/static/subword-pieces.ts';
import { SubwordTokeniser } from '../../../src/inference/static/subword-tokeniser.ts';
import { TEXT_IDS_MAX } from '../../../src/inference/static/table-tokeniser.ts';
import { Vocabulary } from '../../../src/inference/static/vocabulary.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { defaultModel, firstModel } from '../../support/fixtures/default-model.ts';

const WORDS = [
  'the',
  'dog',
  'do',
  'well',
  'known',
  'well-known',
  'cafe',
  'get',
  'user',
  'by',
  'id',
  'river',
  'rover',
  'gpt',
  'strasse',
  'mp3',
  'vis-a-vis',
];
const tokeniser = new SubwordTokeniser(new Vocabulary(utf8(WORDS.join('\n'))));
const WORD_ROWS = WORDS.length + 1;

/** Words by themselves, n-grams of letters as `~`, hashed pieces as `#`; runs of them once. */
const pieces = (text: string): string =>
  Array.from(tokeniser.tokenise(text).ids, (id) => (id < WORD_ROWS ? WORDS[id - 1] : id < WORD_ROWS + LETTER_BUCKETS ? '~' : '#'))
    .filter((piece, at, all) => piece !== all[at - 1] || !/[~#]/.test(piece!))
    .join(' ');

describe('pieces', () => {
  it.each([
    ['The DOG, well-known.', 'the dog well-known'],
    ["the dog's caf\u00e9", 'the dog cafe'],
    ["don't", 'do'],
    ['Stra\u00dfe STRASSE', 'strasse strasse'],
    ['mp3', 'mp3'],
    ['a dog, I', 'dog'],
    ['a', '#'],
    ['b', '#'],
  ])('[M60] %j are words as before: %s', (text, expected) => {
    expect(pieces(text)).toBe(expected);
  });

  it.each([
    ['zzqx', '~'],
    ['rivr', 'river ~'],
    ['rvier', 'river ~'],
    ['rivver', 'river ~'],
    ['riker', 'river ~'],
    // Both `river` and `rover` are one edit away: the more frequent.
    ['rver', 'river ~'],
    // Too short to be misspelt, and two edits away.
    ['dgo', '~'],
    ['rivvers', '~'],
  ])('[M62] %j is its neighbour and its n-grams: %s', (text, expected) => {
    expect(pieces(text)).toBe(expected);
  });

  it.each([
    ['getUserById', 'get user by id ~'],
    ['get_user_by_id', 'get user by id ~'],
    ['GPT-4', 'gpt #'],
    ['GPT-4o', 'gpt #'],
    ['12345', '#'],
    ['the 3.14', 'the #'],
    ['well.known', 'well known'],
    ['PDFs', '~'],
    ['HTTPServer', '~'],
  ])('[M63] %j is its parts and itself: %s', (text, expected) => {
    expect(pieces(text)).toBe(expected);
  });

  it('[M63] a joined name is the same n-grams whether capitals or underscores join it', () => {
    expect(tokeniser.tokenise('get_user_by_id')).toEqual(tokeniser.tokenise('getUserById'));
    expect(tokeniser.tokenise('C++').ids).not.toEqual(tokeniser.tokenise('C').ids);
    expect(tokeniser.tokenise('C#').ids).not.toEqual(tokeniser.tokenise('C++').ids);
    expect(tokeniser.tokenise('1.23').ids).not.toEqual(tokeniser.tokenise('12.3').ids);
  });

  it.each([
    '\u041c\u043e\u0441\u043a\u0432\u0430',
    '\u0645\u0631\u062d\u0628\u0627',
    '\u0939\u093f\u0928\u094d\u0926\u0940',
    '\uc11c\uc6b8',
    '\u65e5\u672c\u8a9e',
    '\ud83d\ude00',
    '...',
    '   ',
    '\u2192',
    '\u200d',
  ])('[M61] %j has hashed pieces', (text) => {
    expect(pieces(text)).toBe('#');
    expect(tokeniser.tokenise(text).words).toBeGreaterThan(0);
  });

  it('[M61] the empty text has none', () => {
    expect(tokeniser.tokenise('')).toEqual({ ids: new Int32Array(0), words: 0, unknown: 0, cutWords: 0 });
  });

  it.each([
    ['\u0401\u0416\u0418\u041a', '\u0451\u0436\u0438\u043a'],
    ['\uff21\uff22\uff23 \uff11\uff12', 'abc 12'],
    ['\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c2'],
    ['\u30ab\u3099', '\u30ac'],
    ['\uac00', '\u1100\u1161'],
    ['\u0645\u064e\u0631\u062d\u0628\u0627', '\u0645\u0631\u062d\u0628\u0627'],
    ['soft\u00adware', 'software'],
  ])('[M1] %j and %j are the same', (left, right) => {
    expect(tokeniser.tokenise(left).ids).toEqual(tokeniser.tokenise(right).ids);
  });

  it('[M1] vowel signs distinguish the words of Indic scripts', () => {
    expect(tokeniser.tokenise('\u0915\u0940').ids).not.toEqual(tokeniser.tokenise('\u0915\u0947').ids);
  });
});

describe('what a text counts', () => {
  it.each([
    ['the dog', 2],
    ["the dog's", 2],
    ['zzqx vvkw', 2],
    ['getUserById', 4],
    ['\u65e5\u672c\u8a9e', 3],
    ['\u041c\u043e\u0441\u043a\u0432\u0430', 1],
    ['...', 1],
    ['\u3300', 1],
  ])('[M64] %j counts %i', (text, words) => {
    expect(tokeniser.tokenise(text).words).toBe(words);
  });

  it.each([
    ['the dog', 0],
    ["the dog's zzqx", 1],
    ['zzqx vvkw', 2],
    ['well-zzqx well-known zzqx-known', 2],
    ['a dog i', 0],
    ['zzqx vis-a-vis', 1],
    ['getUserZzqx mp3 2999', 2],
    ['\u65e5\u672c\u8a9e \u041c\u043e\u0441\u043a\u0432\u0430 dog', 4],
    ['...', 1],
    ['\u3300', 1],
    ['', 0],
  ])('[M97] of the words of %j the vocabulary lacks %i', (text, unknown) => {
    const seen = tokeniser.tokenise(text);
    expect(seen.unknown).toBe(unknown);
    expect(seen.words).toBeGreaterThanOrEqual(unknown);
    // What was tokenised before it says nothing of it.
    expect(tokeniser.tokenise(text).unknown).toBe(unknown);
  });

  it('[M97] of a text of very many words each is counted once', () => {
    const { words, unknown } = tokeniser.tokenise('zzqxvvkw dog '.repeat(4_096));
    expect([words, unknown]).toEqual([8_192, 4_096]);
  });

  it('[M64] a text of very many unknown words has one id for each, within one run of the runtime', () => {
    expect(TEXT_IDS_MAX).toBeLessThanOrEqual(MODEL_LIMITS.onnxRunTokensMax);
    for (const unit of ['zzqxvvkw ', 'getUserById ', '\u041c\u043e\u0441\u043a\u0432\u0430 ', '\u65e5', '12.5 ', 'q1w2e3 ']) {
      const { ids, words } = tokeniser.tokenise(unit.repeat(Math.floor(8192 / tokeniser.tokenise(unit).words)));
      expect(words).toBeLessThanOrEqual(8192);
      expect(words).toBeGreaterThan(8000);
      expect(ids.length).toBeLessThanOrEqual(TEXT_IDS_MAX);
      expect(ids.length).toBeGreaterThanOrEqual(words / 4);
    }
  });

  it('[M64] a word has a bounded number of ids, and long ones still differ', () => {
    const long = 'qzxv'.repeat(5000);
    expect(tokeniser.tokenise(long).ids.length).toBeLessThan(40);
    const middle = `${'qzxv'.repeat(2500)}b${'qzxv'.repeat(2500)}`;
    expect(tokeniser.tokenise(middle).ids).not.toEqual(tokeniser.tokenise(`${long}q`).ids);
  });
});

describe('the committed model', () => {
  const embed = (text: string) => defaultModel.encoder.embed(tokenBatch([defaultModel.tokeniser.tokenise(text).ids]));
  const cosine = (left: string, right: string) => embed(left).reduce((sum, x, d) => sum + x * embed(right)[d]!, 0);

  it.each([
    'GPT-4o',
    'kubectl',
    'pgvector',
    '12345',
    '\u4e2d\u6587',
    '\u043f\u0440\u0438\u0432\u0435\u0442',
    '...',
    '\ud83d\ude00',
    ' ',
    '\ud800',
    '\u0301',
  ])('[M61] %j has a unit vector', (text) => {
    expect(Math.hypot(...embed(text))).toBeCloseTo(1, 5);
  });

  it('[M61] unlike texts beyond the vocabulary have unlike vectors', () => {
    const texts = [
      '\u4e2d\u6587',
      '\u65e5\u672c\u8a9e',
      '\u043f\u0440\u0438\u0432\u0435\u0442',
      '\u0645\u0631\u062d\u0628\u0627',
      '\u0939\u093f\u0928\u094d\u0926\u0940',
      '\ud83d\ude00',
      '\ud83d\ude80',
      '12345',
      '777',
      '...',
      '?!',
    ];
    for (const [at, left] of texts.entries()) {
      for (const right of texts.slice(at + 1)) expect(Math.abs(cosine(left, right))).toBeLessThan(0.5);
    }
    // What is nearly the same is near.
    expect(cosine('\u65e5\u672c\u8a9e\u306e\u6587\u66f8', '\u65e5\u672c\u8a9e\u306e\u6587\u66f8\u3067\u3059')).toBeGreaterThan(0.7);
    expect(cosine('12345', '12346')).toBeGreaterThan(cosine('12345', '98760'));
    expect(cosine('GPT-4o', 'gpt-4o')).toBeCloseTo(1, 5);
  });

  it('[M60] a text of known words has the vector it had in the first version', () => {
    for (const text of ['the river bank', 'the well-known town, and music', 'Caf\u00e9 retrieval']) {
      const ids = firstModel.tokeniser.tokenise(text).ids;
      expect(defaultModel.tokeniser.tokenise(text).ids).toEqual(ids);
      expect(embed(text)).toEqual(firstModel.encoder.embed(tokenBatch([ids])));
    }
  });
});

it('[M155] a cut text has the ids of its first words, however many ids each has; the rest are counted', () => {
  const words = ['dog', 'qwzx', 'the', 'blorptang', 'dog', '東', '京'];
  const text = words.join(' ');
  const all = tokeniser.tokenise(text);
  for (let wordsMax = 1; wordsMax <= all.words + 1; wordsMax += 1) {
    const cut = tokeniser.tokenise(text, wordsMax);
    expect(cut).toEqual({ ...tokeniser.tokenise(words.slice(0, wordsMax).join(' ')), cutWords: Math.max(0, all.words - wordsMax) });
  }
  // What is one name is kept whole or not at all, unless nothing would be left.
  expect(tokeniser.tokenise('dog get_user_by_id', 3)).toMatchObject({ words: 1, cutWords: 4 });
  expect(tokeniser.tokenise('get_user_by_id', 2)).toMatchObject({ words: 2, cutWords: 2 });
  expect(tokeniser.tokenise('get_user_by_id', 2).ids.length).toBe(2);
  expect(tokeniser.tokenise('!!! ???', 1)).toEqual(tokeniser.tokenise('!!! ???'));
});
