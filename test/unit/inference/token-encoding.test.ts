import * as fc from 'fast-check';
import { countTokens as countByCl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as countByO200k } from 'gpt-tokenizer/encoding/o200k_base';
import { expect, it } from 'vitest';

import { encodingOf } from '../../../src/inference/text/token-encoding.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { encodingFor } from '../../support/upstreams/token-counts.ts';

const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(
        "I'LL ",
        "don't",
        ' \n\n ',
        '\t\t',
        '  ',
        'straße ',
        '你好，世界',
        '😀👩‍👩‍👧‍👦',
        '1234567',
        'fooBar_baz',
        '//\r\n',
        '<|endoftext|>',
        'aaaaaaaaaaaaaaaa',
      ),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

it.each([
  ['cl100k_base', countByCl100k],
  ['o200k_base', countByO200k],
] as const)('[M99] %s has as many tokens as another implementation counts', async (name, count) => {
  const encoding = await encodingFor(name);
  fc.assert(
    fc.property(text, (one) => {
      expect(encoding.count(one)).toBe(count(one, { disallowedSpecial: new Set() }));
    }),
    { numRuns: effort(400) },
  );
});

it('[M99] a word of any length is counted in time near to linear in it', async () => {
  const encoding = await encodingFor('o200k_base');
  expect(encoding.count('a'.repeat(80_000))).toBe(10_000);
  expect(encoding.count('的一是不'.repeat(4_000))).toBeGreaterThan(4_000);
});

it('[M99] a model has the encoding that its name says', () => {
  for (const name of [
    'gpt-4o',
    'openai/gpt-4o-mini',
    'chatgpt-4o-latest',
    'ft:gpt-4.1-mini:team',
    'gpt-5',
    'o1',
    'o3-mini',
    'azure/o4-mini',
    'gpt-oss-120b',
  ])
    expect(encodingOf(name), name).toBe('o200k_base');
  for (const name of [
    'gpt-4',
    'gpt-4-turbo',
    'gpt-3.5-turbo',
    'gpt-4-32k',
    'claude-opus-4-1',
    'llama-3',
    'text-embedding-3-small',
    'foo1',
    'olmo-2',
  ])
    expect(encodingOf(name), name).toBe('cl100k_base');
});
