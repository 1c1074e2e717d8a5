import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { isRawJson, parseExactJson, rawJson } from '../../../src/kernel/exact-json.ts';

it('[Q11] integers keep all their digits', () => {
  const digits = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
  fc.assert(
    fc.property(fc.array(digits, { maxLength: 5 }), fc.constantFrom(',', ', ', ' ,\n'), (numbers, comma) => {
      const text = `{"a":[${numbers.join(comma)}],"b":{"c":${numbers[0] ?? 0}}}`;
      const parsed = parseExactJson(text);
      expect(JSON.stringify(parsed)).toBe(`{"a":[${numbers.join(',')}],"b":{"c":${numbers[0] ?? 0}}}`);
    }),
    { seed: 11 },
  );
  expect(JSON.stringify(parseExactJson('18446744073709551615'))).toBe('18446744073709551615');
});

it('[Q11] everything else is parsed as by JSON.parse', () => {
  const value = fc.jsonValue().filter((one) => !/\d{16}/.test(JSON.stringify(one)));
  fc.assert(
    fc.property(value, (one) => {
      const text = JSON.stringify(one);
      expect(parseExactJson(text)).toEqual(JSON.parse(text));
    }),
    { seed: 12 },
  );
  const doubles = '[0.12345678901234567890, 1234567890123456.5, 12345678901234567e3, 9007199254740991, "12345678901234567890"]';
  expect(parseExactJson(doubles)).toEqual(JSON.parse(doubles));
  expect(isRawJson(rawJson('9007199254740993'))).toBe(true);
  expect(isRawJson({ rawJSON: '1' })).toBe(false);
  expect(() => parseExactJson('[12345678901234567890')).toThrow(SyntaxError);
});
