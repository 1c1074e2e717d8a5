import * as fc from 'fast-check';
import { encode as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { encode as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { expect, it } from 'vitest';

import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { EMBEDDING_LIMITS } from '../../../src/contract/embeddings/embedding-limits.ts';
import type { TokenRequest } from '../../../src/inference/text/token-texts.ts';
import { TokenTexts } from '../../../src/inference/text/token-texts.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { faultOf } from '../../support/fixtures/fault-of.ts';
import { encodingFor } from '../../support/upstreams/token-counts.ts';

const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom(
        'The quick brown fox',
        " I'LL don't ",
        '你好，世界。运河',
        '運河の水門は夜明けに開く',
        '😀👩‍👩‍👧‍👦🏳️‍🌈',
        'const decode = (ids: number[]) => ids.map((id) => table[id]).join("");\n\tif (x) {\r\n',
        '\uFEFF',
        '\u0000',
        '<|endoftext|>',
        '  ',
      ),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(''))
  .filter((one) => one !== '');

const plain = { disallowedSpecial: new Set<string>() };
const ENCODERS = {
  cl100k_base: (one: string) => cl100k(one, plain),
  o200k_base: (one: string) => o200k(one, plain),
};
const NAMES = ['cl100k_base', 'o200k_base'] as const;

const texts = new TokenTexts(async (name) => ok(await encodingFor(name)));
const read = (request: Partial<TokenRequest>) => texts.inputOf({ model: 'glove-sif-100', input: 'x', ...request });
const textFor = async (request: Partial<TokenRequest>) => {
  const outcome = await read(request);
  return outcome.ok ? outcome.value : faultOf(outcome);
};

it.each(NAMES)('[M114] the ids that another implementation makes of a text by %s are that text again', async (name) => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 4 }), async (some) => {
      expect(await textFor({ input: some.map(ENCODERS[name]), token_ids: name })).toEqual(some);
      expect(await textFor({ input: ENCODERS[name](some[0]!), token_ids: name })).toBe(some[0]);
    }),
    { numRuns: effort(200) },
  );
});

it("[M114] ids are read by the encoding of the model's name, or by the one that is stated", async () => {
  const said = 'The lock keeper opens the gates at dawn.';
  const byO200k = ENCODERS.o200k_base(said);
  for (const model of ['glove-sif-100', 'text-embedding-3-small', 'text-embedding-ada-002', 'mine', 'openai/text-embedding-3-large'])
    expect(await textFor({ model, input: ENCODERS.cl100k_base(said) }), model).toBe(said);
  expect(await textFor({ model: 'gpt-4o-mini', input: byO200k })).toBe(said);
  expect(await textFor({ input: byO200k })).not.toBe(said);
  expect(await textFor({ model: 'text-embedding-3-small', input: byO200k, token_ids: 'o200k_base' })).toBe(said);
});

it("[M114] ids of the model's own vocabulary, and texts, stay as they are", async () => {
  const unread = new TokenTexts(() => Promise.resolve(refuse('unavailable', 'nothing is read')));
  for (const input of [
    [1, 2],
    [[3], [4]],
  ]) {
    expect(await unread.inputOf({ model: 'm', input, token_ids: 'model' })).toEqual(ok(input));
    expect(faultOf(await unread.inputOf({ model: 'm', input }))?.code).toBe('unavailable');
  }
  expect(await unread.inputOf({ model: 'm', input: ['a', 'b'] })).toEqual(ok(['a', 'b']));
});

it('[M114] special tokens are their names, and a character that is cut is U+FFFD', async () => {
  expect(await textFor({ input: [100257, 100276] })).toBe('<|endoftext|><|endofprompt|>');
  expect(await textFor({ input: [199999], token_ids: 'o200k_base' })).toBe('<|endoftext|>');
  const ids = ENCODERS.o200k_base('𓀀');
  expect(ids.length).toBeGreaterThan(1);
  expect(await textFor({ input: [ids.slice(0, 1), ids], token_ids: 'o200k_base' })).toEqual(['\uFFFD', '𓀀']);
});

it.each([
  [{ input: [[1], [5, 100_277]] }, 'limit_exceeded', 'input[1][1]', /is 100277, a larger id .* cl100k_base; the limit is 100276/],
  [{ input: [5, 100_256] }, 'invalid_value', 'input[1]', /is 100256, which is no token of cl100k_base/],
  [{ input: [200_019], token_ids: 'o200k_base' }, 'limit_exceeded', 'input[0]', /the limit is 200018/],
] as const)('[M115] an id that is no token is refused by its place: %j', async (request, code, param, message) => {
  const fault = faultOf(await read(request as unknown as TokenRequest));
  expect(fault).toMatchObject({ code, param });
  expect(fault?.message).toMatch(message);
});

it('[M116] ids stand for no more text than a call may have', async () => {
  const blanks = cl100k(' '.repeat(80), plain);
  expect(blanks).toHaveLength(1);
  const tooLong = Array.from({ length: EMBEDDING_LIMITS.embeddingTextCharsMax / 80 + 1 }, () => blanks[0]!);
  expect(faultOf(await read({ input: [[1], tooLong] }))).toMatchObject({ code: 'limit_exceeded', param: 'input[1]' });
  const long = tooLong.slice(1);
  expect(utf8((await textFor({ input: long })) as string).length).toBeLessThanOrEqual(EMBEDDING_LIMITS.embeddingTextCharsMax);
  const many = Array.from({ length: Math.ceil(API_LIMITS.jsonBodyBytesMax / (80 * long.length)) + 1 }, () => long);
  expect(faultOf(await read({ input: many }))).toMatchObject({ code: 'limit_exceeded', param: 'input' });
});
