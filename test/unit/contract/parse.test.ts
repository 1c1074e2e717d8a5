import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import { jsonDepth } from '../../../src/contract/json-value.ts';
import { fieldPath, parse } from '../../../src/contract/parse.ts';

const schema = z.strictObject({
  name: z.string().max(4),
  input: z.union([z.string(), z.array(z.strictObject({ text: z.string() }))]),
});

describe('a refused value', () => {
  it.each([
    ['a missing field', { input: 'x' }, 'invalid_value', 'name'],
    ['a value over its limit', { name: 'abcde', input: 'x' }, 'limit_exceeded', 'name'],
    ['an unknown field', { name: 'a', input: 'x', extra: 1 }, 'invalid_value', undefined],
    ['the option of a union that got furthest', { name: 'a', input: [{ text: 'x' }, { text: 1 }] }, 'invalid_value', 'input[1].text'],
    ['a body that is no object', 'text', 'invalid_value', undefined],
  ])('names %s', (_, value, code, param) => {
    const outcome = parse(schema, value);
    expect(outcome).toMatchObject({ ok: false, error: { code } });
    expect(!outcome.ok && outcome.error.param).toBe(param);
  });

  it('tells the limit', () => {
    const outcome = parse(schema, { name: 'abcde', input: 'x' });
    expect(!outcome.ok && outcome.error.message).toContain('4');
  });

  it('names an unknown field in the message', () => {
    const outcome = parse(schema, { name: 'a', input: 'x', extra: 1 });
    expect(!outcome.ok && outcome.error.message).toContain('extra');
  });
});

it.each([
  [[], ''],
  [['input', 3, 'text'], 'input[3].text'],
  [[0, 1], '[0][1]'],
])('a path %j is written %j', (path, text) => {
  expect(fieldPath(path)).toBe(text);
});

describe('the depth of a JSON value', () => {
  it.each([
    [1, 0],
    [null, 0],
    [[], 1],
    [{ a: [1] }, 2],
    [[[], [[]]], 3],
  ])('of %j is %i', (value, depth) => {
    expect(jsonDepth(value, 10)).toBe(depth);
  });

  it('is not counted past the limit, however deep the value', () => {
    let hostile: unknown = 1;
    for (let level = 0; level < 200_000; level += 1) hostile = [hostile];
    expect(jsonDepth(hostile, 16)).toBe(17);
  });
});
