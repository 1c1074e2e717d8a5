import { expect, it } from 'vitest';
import { PIECE_BUCKETS } from '../../../src/inference/static/piece-tokeniser.ts';
import { tokeniserOf } from '../../../src/inference/static/static-model.ts';
import { UNIGRAM_TOKENISER_VERSION, UnigramTokeniser } from '../../../src/inference/static/unigram-tokeniser.ts';
import { must } from '../../../src/kernel/assert.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { unigramVocabulary } from '../../../workers/builds/unigram-vocabulary.ts';

const far = '\n'.repeat(64);
/** Scores: -1, -1, -2, -2, -2, then -4 for single letters. */
const LINES = `${far}▁\n▁lock${far}\ngate\nga\n中国${far}${far}\na\nc\ng\ni\nk\nl\no\nt\ne\n中\n国\n1`;
const open = (lines: string) => must(tokeniserOf({ tokeniser: UNIGRAM_TOKENISER_VERSION, vocabulary: utf8(lines) }), 'it opens');
const tokeniser = open(LINES);
const words = LINES.split('\n').filter(Boolean);
const ROWS = words.length + 1;
const piecesOf = (text: string) => Array.from(tokeniser.tokenise(text).ids, (id) => words[id - 1] ?? (id >= ROWS ? '#' : '?'));

it('[M207] words are their most likely pieces, in NFKC, and keep their case', () => {
  expect(piecesOf('lock gate')).toEqual(['▁lock', '▁', 'gate']);
  expect(piecesOf('lockgate')).toEqual(['▁lock', 'gate']);
  expect(piecesOf('  中国\t中 ')).toEqual(['▁', '中国', '▁', '中']);
  // Full width, a ligature's parts and a joiner are what they stand for.
  expect(piecesOf('ｌｏｃｋ lo\u200dck ①')).toEqual(['▁lock', '▁lock', '▁', '1']);
  expect(piecesOf('Lock')).toEqual(['▁', '#', 'o', 'c', 'k']);
});

it('[M207] a character that is no piece is one hashed row, equal ones the same', () => {
  const { ids, unknown } = tokeniser.tokenise('ꙮlock ꙮꙩ');
  expect(ids.filter((id) => id >= ROWS)).toHaveLength(3);
  expect(ids[1]).toBe(ids[7]);
  expect(ids[8]).not.toBe(ids[7]);
  expect(unknown).toBe(3);
  expect(tokeniser.vocabularySize).toBe(ROWS + PIECE_BUCKETS);
});

it('[M208] whatever has a character has an id other than 0', () => {
  for (const text of ['a', ' ', '\n', '\u200d', '...', '\ud800', '😀', '\u0000', 'ﷺ']) {
    const { ids, words: count } = tokeniser.tokenise(text);
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.every((id) => id > 0 && id < tokeniser.vocabularySize)).toBe(true);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(text.length);
  }
  expect(tokeniser.tokenise('').ids).toHaveLength(0);
});

it('[M208] a text is cut behind its first pieces, and says how many were cut', () => {
  expect(tokeniser.tokenise('lock gate gate', 2)).toMatchObject({ words: 2, cutWords: 3, ids: Int32Array.of(2, 1) });
  expect(tokeniser.tokenise('lock gate', 9)).toMatchObject({ words: 3, cutWords: 0 });
});

it('[M208] runs without a blank are read in parts, whose pieces are those of the run', () => {
  const { ids } = tokeniser.tokenise('gate'.repeat(1_000));
  const gates = ids.filter((id) => id === words.indexOf('gate') + 1).length;
  // A part ends where it may cut a piece.
  expect(gates).toBeGreaterThan(980);
  expect(ids.length).toBeLessThan(1_060);
});

const teacherFile = utf8(
  JSON.stringify({
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: null,
    added_tokens: [],
    model: {
      type: 'Unigram',
      unk_id: 0,
      vocab: [
        ['<unk>', 0],
        ['▁', -1],
        ['▁lock', -1.5],
        ['▁gate', -2.26],
        ['▁weir', -3],
        ['g', -4],
        ['a', -4],
        ['t', -4],
        ['e', -4],
        ['w', -5],
        ['i', -5],
        ['r', -5],
        ['l', -6],
      ],
    },
  }),
);

it('[M209] a vocabulary has the likely pieces, the frequent ones, and their characters', () => {
  const cut = unigramVocabulary(teacherFile, ['weir weir', 'weir gate'], { likely: 2, count: 8 });
  expect(cut.texts).toEqual(['▁', 'lock', 'weir', 'e', 'w', 'i', 'r', 'l']);
  expect(cut.ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const read = open(new TextDecoder().decode(cut.bytes));
  expect([...read.tokenise('weir').ids]).toEqual([3]);
  expect(() => unigramVocabulary(utf8('{"model":{"type":"BPE"}}'), [], { likely: 1, count: 1 })).toThrow(/unigram/);
});

it('[M211] a vocabulary is opened in steps', () => {
  const many = Array.from({ length: 30_000 }, (_, i) => i.toString(36).padStart(4, 'z')).join('\n');
  const opening = UnigramTokeniser.open(utf8(`\n${many}`));
  let steps = 0;
  while (opening.next().done !== true) steps++;
  expect(steps).toBeGreaterThan(3);
});

it('[M209] two likely pieces are more likely than one that is rare', () => {
  const read = open(`${far}▁a\nb${far}${far}${far}${far}▁ab\n▁\na`);
  expect([...read.tokenise('ab').ids]).toEqual([1, 2]);
});
