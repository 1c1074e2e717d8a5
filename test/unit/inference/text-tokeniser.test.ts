import { expect, it } from 'vitest';

import { paramOf } from '../../../src/contract/api/errors.ts';
import { isBoundedPattern } from '../../../src/inference/text/linear-pattern.ts';
import { TextTokeniser } from '../../../src/inference/text/text-tokeniser.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { tokenizerJson } from '../../support/models/model-folder.ts';

function verdict(change: object): string {
  const opened = TextTokeniser.ofFile(utf8(JSON.stringify({ ...tokenizerJson(), ...change })), undefined, []);
  return opened.ok ? 'opens' : `${paramOf(opened.error)}: ${opened.error.message}`;
}

const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated' });

it('[M57] takes patterns whose time is bounded, and no others', () => {
  const gpt2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
  for (const pattern of [gpt2, ' {2,}', String.raw`\d{1,3}`, '[a-z]+|.']) expect(isBoundedPattern(pattern)).toBe(true);
  for (const pattern of ['(a+)+$', '(a|a)*b', 'a*a*b', String.raw`(\w+)\1`, '(?<=a+)b', 'a{1,99}', 'a+?', 'a{2,}+', 'a'.repeat(600)])
    expect(isBoundedPattern(pattern)).toBe(false);
});

it('[M57] refuses a hostile tokenizer.json by the field that is at fault', () => {
  const replace = (pattern: object, content: string) => ({ type: 'Replace', pattern, content });
  const wordPiece = { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0 } };
  const byteLevel = { type: 'ByteLevel' };
  let nested: object = { type: 'Lowercase' };
  for (let depth = 0; depth < 40; depth += 1) nested = { type: 'Sequence', normalizers: [nested] };
  expect(verdict({})).toBe('opens');
  const hostile: [object, string][] = [
    [{ pre_tokenizer: split('(a+)+$') }, 'tokenizer.json.pre_tokenizer.pattern: is no text, and no pattern'],
    [{ pre_tokenizer: { type: 'FixedLength', length: 0 } }, 'tokenizer.json.pre_tokenizer.type: is none of'],
    [{ pre_tokenizer: { type: 'Sequence', pretokenizers: [byteLevel, byteLevel] } }, 'is the second ByteLevel'],
    [{ normalizer: nested }, 'tokenizer.json: is nested'],
    [{ normalizer: replace({ String: ' ' }, '  ') }, 'content: is longer than what it replaces'],
    [{ normalizer: replace({ String: '' }, '') }, 'pattern: is no text'],
    [{ normalizer: { type: 'Sequence', normalizers: Array.from({ length: 40 }, () => ({ type: 'NFC' })) } }, '(tokeniserStepsMaxCount)'],
    [{ post_processor: { type: 'TemplateProcessing', single: [sequence, sequence], pair: [] } }, 'single: repeats a text'],
    [{ model: { ...wordPiece, vocab: { '[UNK]': 1e9 } } }, 'model.vocab: holds what is no token id'],
    [{ model: { ...wordPiece, unk_token: 'x' } }, 'model.unk_token: is not in the vocabulary'],
    [{ model: { ...wordPiece, max_input_chars_per_word: 1e9 } }, 'max_input_chars_per_word: is no number'],
    [{ model: { type: 'Unigram', unk_id: 0, vocab: [['a'.repeat(100), 0]] } }, 'model.vocab[0]: is no piece'],
    [{ model: { type: 'Other' } }, 'model.type: is none of WordPiece, BPE, Unigram'],
    [{ added_tokens: [{ id: 1, content: '' }] }, 'added_tokens[0]: is no token'],
    [{ model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: ['a b'] } }, 'model.merges[0]: is no pair of tokens of the vocabulary'],
    [{ padding: 'x'.repeat(2_000_000) }, '(tokeniserStepsBytesMax)'],
    [{ padding: 'x'.repeat(25_200_000) }, '(tokeniserBytesMax)'],
  ];
  for (const [change, expected] of hostile) expect(verdict(change)).toContain(expected);
});

const sequence = { Sequence: { id: 'A', type_id: 0 } };

const opened = TextTokeniser.ofFile(utf8(JSON.stringify(tokenizerJson())), undefined, []);
const rowOf = (text: string, tokensMax: number, second?: string) => {
  const row = opened.ok ? opened.value.encode(text, second, { tokensMax, isTruncating: true, at: ['text'] }) : opened;
  return row.ok ? { ids: row.value.ids, cutTokens: row.value.cutTokens } : `${row.error.code} ${paramOf(row.error)}`;
};
const repeated = (word: string, count: number) => Array.from({ length: count }, () => word).join(' ');
const [CLS, SEP, RIVER] = [2, 3, 10];
const rivers = (count: number) => Array<number>(count).fill(RIVER);

it('[M155] a cut text ends with the special tokens of a whole one, and what was cut off is counted', () => {
  expect(rowOf(repeated('river', 3), 5)).toEqual({ ids: [CLS, RIVER, RIVER, RIVER, SEP], cutTokens: 0 });
  expect(rowOf(repeated('river', 9), 5)).toEqual({ ids: [CLS, RIVER, RIVER, RIVER, SEP], cutTokens: 6 });
  expect(rowOf('river', 2)).toEqual({ ids: [CLS, SEP], cutTokens: 1 });
  expect(rowOf('river', 5, repeated('river', 9))).toEqual({ ids: [CLS, RIVER, SEP, RIVER, SEP], cutTokens: 8 });
  expect(rowOf(repeated('river', 4), 5, 'river')).toBe('limit_exceeded text');
});

it('[M155] of a very long text as much is read as its first tokens need, whatever they look like', () => {
  // 16 characters a token are read at first.
  const blanks = ' '.repeat(600);
  expect(rowOf(`river${blanks}river`, 10)).toEqual({ ids: [CLS, RIVER, RIVER, SEP], cutTokens: 0 });
  expect(rowOf(`${blanks}${repeated('river', 20)}`, 10)).toEqual({ ids: [CLS, ...rivers(8), SEP], cutTokens: 12 });
  // A word of more than 100 characters is one unknown token, of which the beginning would be many.
  expect(rowOf(`${'a'.repeat(500)} river`, 10)).toEqual({ ids: [CLS, 1, RIVER, SEP], cutTokens: 0 });
  // What lies behind 32,768 characters is not read, nor a word that has its midst there, and counts as cut.
  expect(rowOf(`${' '.repeat(32_740)}${repeated('river', 20)}`, 10)).toEqual({ ids: [CLS, ...rivers(4), SEP], cutTokens: 1 });
  expect(rowOf(`river${' '.repeat(40_000)}river`, 10)).toEqual({ ids: [CLS, RIVER, SEP], cutTokens: 1 });
  const many = rowOf(repeated('a', 100_000), 10);
  expect(many).toMatchObject({ ids: { length: 10 } });
  expect(typeof many === 'string' ? 0 : many.cutTokens).toBeGreaterThan(70);
});
