import { describe, expect, it } from 'vitest';
import { PIECE_BUCKETS, PIECE_TOKENISER_VERSION, PieceTokeniser } from '../../../src/inference/static/piece-tokeniser.ts';
import { tokeniserOf } from '../../../src/inference/static/static-model.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { pieceVocabulary } from '../../../workers/builds/piece-vocabulary.ts';

const BEGINNINGS = ['a', 'g', 'un', 'get', 'user', 'by', 'id', 'bel', 'believe', 'dog', 'do', 'il', '6', 'strasse', 'user2'];
const CONTINUATIONS = ['lie', 'va', 'bility', 'b', 'l', 'e', 'a', 'z'];
const bytes = utf8(`${BEGINNINGS.join('\n')}\n\n${CONTINUATIONS.join('\n')}`);
const tokeniser = new PieceTokeniser(bytes);
const SEPARATOR = BEGINNINGS.length + 1;

/** Pieces as tokenisers of others write them, and `#` for what is hashed. */
const pieces = (text: string, of = tokeniser): string =>
  Array.from(of.tokenise(text).ids, (id) => {
    if (id <= BEGINNINGS.length) return BEGINNINGS[id - 1];
    return id <= SEPARATOR + CONTINUATIONS.length ? `##${CONTINUATIONS[id - SEPARATOR - 1]}` : '#';
  }).join(' ');

it('[M190] a word is the longest piece it begins with, then the longest that goes on, until it ends', () => {
  expect(pieces('unbelievability')).toBe('un ##b ##e ##lie ##va ##bility');
  expect(pieces('Believe a DOG')).toBe('believe a dog');
  // What goes on is no beginning, and the other way round: `va` begins nothing.
  expect(pieces('va')).toBe('#');
  // The last piece that fits, then the rest as one.
  expect(pieces('unquiet')).toBe('un #');
  expect(pieces('gz')).toBe('g ##z');
});

it('[M190] ids: the unknown token, beginnings, an empty line, continuations, hashed rows', () => {
  expect(tokeniser.vocabularySize).toBe(1 + BEGINNINGS.length + 1 + CONTINUATIONS.length + PIECE_BUCKETS);
  expect([...tokeniser.tokenise('a').ids]).toEqual([1]);
  expect([...tokeniser.tokenise('gz').ids]).toEqual([2, SEPARATOR + CONTINUATIONS.length]);
  for (const text of ['日本語', 'été нет', '😀', '...', 'qqq', '42'])
    for (const id of tokeniser.tokenise(text).ids) expect(id).toBeLessThan(tokeniser.vocabularySize);
});

it('[M190] what is hashed has the rows behind the continuations, all of them and no other', () => {
  const texts = Array.from({ length: 30_000 }, (_, i) => `q${String.fromCharCode(97 + (i % 26))}${i}`);
  const ids = new Set(texts.flatMap((text) => [...tokeniser.tokenise(`Ж${text}`).ids]));
  const hashed = [...ids].filter((id) => id > SEPARATOR + CONTINUATIONS.length);
  const first = SEPARATOR + CONTINUATIONS.length + 1;
  expect([Math.min(...hashed), Math.max(...hashed), hashed.length]).toEqual([first, first + PIECE_BUCKETS - 1, PIECE_BUCKETS]);
});

it('[M191] names are cut into their parts, unless the vocabulary has them whole', () => {
  for (const name of ['getUserById', 'get_user_by_id', 'GetUserByID', 'get-user-by-id']) expect(pieces(name)).toBe('get user by id');
  expect(pieces('IL6')).toBe('il 6');
  expect(pieces('user2')).toBe('user2');
});

describe('[M192] whatever has a character has an id other than 0', () => {
  it.each(['é', 'нет', '日本語', '😀', '...', ' ', '\u0000', '\ud800', '²', "'s", 'qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq', '¿?'])(
    'such as %j',
    (text) => {
      const { ids, words, unknown } = tokeniser.tokenise(text);
      expect(ids.length).toBeGreaterThan(0);
      expect(ids.every((id) => id > 0)).toBe(true);
      expect(unknown).toBeLessThanOrEqual(words);
      expect(words).toBeLessThanOrEqual(text.length);
    },
  );

  it('but for none', () => {
    expect(tokeniser.tokenise('').ids).toHaveLength(0);
  });

  it('words of other scripts differ, and characters without blanks count one by one', () => {
    const of = (text: string) => [...tokeniser.tokenise(text).ids].join(' ');
    expect(of('нет')).not.toBe(of('тен'));
    expect(of('Нет')).toBe(of('нет'));
    expect(tokeniser.tokenise('日本語')).toMatchObject({ words: 3, unknown: 3 });
  });
});

it('[M192] a text has at most 16,384 ids: past that a word that is no piece has one', () => {
  const long = tokeniser.tokenise('unbelievability '.repeat(4_000));
  expect(long.ids).toHaveLength(4_000);
  expect(new Set(long.ids).size).toBe(1);
  expect(tokeniser.tokenise('unbelievability '.repeat(2_000)).ids).toHaveLength(12_000);
});

it('[M193] words and those of them that are no piece are counted', () => {
  expect(tokeniser.tokenise('a dog: unbelievability, IL6 нет')).toMatchObject({ words: 6, unknown: 2 });
});

it('[M190] a file names the rules, and one whose pieces crowd their table is none', () => {
  const vocabulary = new Uint8Array(bytes);
  expect(tokeniserOf({ tokeniser: PIECE_TOKENISER_VERSION, vocabulary })).toBeInstanceOf(PieceTokeniser);
  expect(tokeniserOf({ tokeniser: 'piece-2', vocabulary })).toBeUndefined();
  // The same word over and over is in one slot.
  const crowded = utf8(`${'a\n'.repeat(5_000)}\nb`);
  expect(tokeniserOf({ tokeniser: PIECE_TOKENISER_VERSION, vocabulary: crowded })).toBeUndefined();
});

it('[M194] the pieces of a teacher are those of ASCII letters and digits, beginnings first', () => {
  // A piece of digits is the first key of an object, wherever it stands in the file.
  const vocab = { '[PAD]': 0, '##z': 1, get: 2, é: 3, '##lie': 4, '!': 5, a1: 6, '##é': 7, '42': 8 };
  const file = (model: object, lowercase = true) => JSON.stringify({ model, normalizer: { type: 'BertNormalizer', lowercase } });
  const wordPiece = { type: 'WordPiece', continuing_subword_prefix: '##', vocab };
  const made = pieceVocabulary(file(wordPiece));
  expect(new TextDecoder().decode(made.bytes)).toBe('get\na1\n42\n\nz\nlie');
  expect(made.texts).toEqual(['get', 'a1', '42', 'z', 'lie']);
  expect(made.ids).toEqual([1, 2, 3, 5, 6]);
  const of = new PieceTokeniser(made.bytes);
  expect([...of.tokenise('getlie a1 getz 42').ids]).toEqual([1, 6, 2, 1, 5, 3]);
  for (const other of [file({ ...wordPiece, type: 'BPE' }), file({ type: 'WordPiece' }), file(wordPiece, false), '[]'])
    expect(() => pieceVocabulary(other)).toThrow(/teacher/);
});

it('[M155] a cut text has the ids of its first words, and the rest are counted', () => {
  const words = ['dog', 'unbelievability', 'нет', 'qqq', 'get', 'User', '東', '京'];
  const [before, behind] = [words.slice(0, 5).join(' '), words.slice(5).join(' ')];
  // `getUser` is two words.
  const text = `${before}${behind}`;
  const all = tokeniser.tokenise(text);
  expect(all.words).toBe(words.length);
  for (let wordsMax = 1; wordsMax <= words.length; wordsMax += 1)
    expect(tokeniser.tokenise(text, wordsMax)).toEqual({
      ...tokeniser.tokenise(words.slice(0, wordsMax).join(' ')),
      cutWords: words.length - wordsMax,
    });
});
