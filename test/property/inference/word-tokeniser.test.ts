import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { defaultModel, firstModel } from '../../support/fixtures/default-model.ts';
import { effort } from '../../support/fixtures/effort.ts';

const { tokeniser } = defaultModel;
const SEED = { seed: 20261124 };

it('[M3] any string tokenises to ids of the vocabulary, whatever was tokenised before', () => {
  let known = 0;
  const pieces = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.stringMatching(/^[a-z' -]{0,60}$/),
    fc.constantFrom('the river', 'It\u2019s', '\u0301\u0327', '\ud800', 'e\u0301', '-', "'"),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      for (const either of [defaultModel.tokeniser, firstModel.tokeniser]) {
        const tokenised = either.tokenise(text);
        const { ids, words, unknown } = tokenised;
        expect(ids.every((id) => id >= 0 && id < either.vocabularySize)).toBe(true);
        expect(ids.length).toBeLessThanOrEqual(MODEL_LIMITS.onnxRunTokensMax);
        expect(words).toBeLessThanOrEqual(Buffer.byteLength(text));
        expect(unknown).toBeLessThanOrEqual(words);
        expect(either.tokenise(text)).toEqual(tokenised);
        known += ids.filter((id) => id > 0).length;
      }
    }),
    { ...SEED, numRuns: effort(2000) },
  );
  expect(known).toBeGreaterThan(1000);
});

it('[M1] upper case and decomposed accents change no token', () => {
  const text = fc.array(fc.constantFrom('river', 'Town', 'caf\u00e9', 'na\u00efve', 'well-known', "don't", 'Z\u00fcrich', ',', '-'), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(text, (parts) => {
      const joined = parts.join(' ');
      expect(tokeniser.tokenise(joined.toUpperCase())).toEqual(tokeniser.tokenise(joined));
      expect(tokeniser.tokenise(joined.normalize('NFD'))).toEqual(tokeniser.tokenise(joined));
    }),
    SEED,
  );
});

it('[M2] a text is the tokens of its sentences, end to end', () => {
  const sentence = fc.stringMatching(/^[a-zA-Z0-9 '-]{0,40}$/);
  fc.assert(
    fc.property(sentence, sentence, (left, right) => {
      const first = firstModel.tokeniser;
      const together = [...first.tokenise(left).ids, ...first.tokenise(right).ids];
      expect([...first.tokenise(`${left}. ${right}`).ids]).toEqual(together);
    }),
    { ...SEED, numRuns: effort(1000) },
  );
});

it.each([
  ['letters', 'a'],
  ['hyphens', '-'],
  ['compounds', 'a-'],
  ['apostrophes', "'"],
  ['negations', "n't"],
  ['combining marks', '\u0301\u0327'],
  ['marked letters', 'e\u0301\u0327\u0323'],
  ['ligatures that expand', '\ufdfa'],
  ['ideographs', '\u65e5'],
  ['emoji', '\ud83d\ude00'],
  ['lone surrogates', '\ud800'],
  ['misspelt words', 'rivver tonw '],
  ['parts of a name', 'aB'],
  ['numbers', '1.2-'],
  ['one long word', 'qz'],
  ['punctuation', '.,'],
  ['syllables of an Indic script', '\u0915\u0941\u094d\u093c'],
])('[M3] the CPU time for %s grows in proportion to the length, up to half a megabyte', (_, unit) => {
  // CPU time of this thread, so that other load on the machine does not count.
  const computingMs = (bytes: number) => {
    const text = unit.repeat(bytes / Buffer.byteLength(unit));
    const before = process.threadCpuUsage();
    tokeniser.tokenise(text);
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  };
  computingMs(1 << 15);
  const small = computingMs(1 << 15);
  // 16 times the text: linear time grows 16 times, quadratic 256 times. The constant allows for a garbage collection.
  expect(computingMs(1 << 19)).toBeLessThan(64 * small + 250);
});
