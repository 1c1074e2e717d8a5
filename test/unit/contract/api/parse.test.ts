import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import { jsonDepth } from '../../../../src/contract/api/json-value.ts';
import { pathText } from '../../../../src/contract/api/field-path.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';

const schema = z.strictObject({
  name: z.string().max(4),
  input: z.union([z.string(), z.array(z.strictObject({ text: z.string() }))]),
  count: z.number().min(0).max(9).optional(),
  share: z.number().gt(0).lt(1).optional(),
  list: z.array(z.number()).max(2).optional(),
});

describe('a refused value', () => {
  it.each([
    ['a missing field', { input: 'x' }, 'invalid_value', 'name'],
    ['a value over its limit', { name: 'abcde', input: 'x' }, 'limit_exceeded', 'name'],
    ['an unknown field', { name: 'a', input: 'x', extra: 1 }, 'invalid_value', 'extra'],
    ['the option of a union that got furthest', { name: 'a', input: [{ text: 'x' }, { text: 1 }] }, 'invalid_value', 'input[1].text'],
    ['a body that is not an object', 'text', 'invalid_value', null],
  ])('names %s', (_, value, code, param) => {
    expect(faultOf(parse(schema, value))).toMatchObject({ code, param });
  });

  it.each([
    ['a text over its limit', { name: 'abcde', input: 'x' }, 'name: has 5 characters; the limit is 4'],
    ['a number over its limit', { name: 'a', input: 'x', count: 1e12 }, 'count: is 1000000000000; the limit is 9'],
    ['a number below the minimum', { name: 'a', input: 'x', count: -0.5 }, 'count: is -0.5; the least is 0'],
    ['a number at a limit that it must not reach', { name: 'a', input: 'x', share: 1 }, 'share: is 1; it must be less than 1'],
    ['a number at a minimum that it must exceed', { name: 'a', input: 'x', share: 0 }, 'share: is 0; it must be more than 0'],
    ['a list over its limit', { name: 'a', input: 'x', list: [1, 2, 3] }, 'list: has 3 items; the limit is 2'],
  ])('states the limit and the value: %s', (_, value, message) => {
    expect(faultOf(parse(schema, value))?.message).toBe(message);
  });

  it('has the limit and the value as numbers, too', () => {
    expect(parse(schema, { name: 'abcde', input: 'x' })).toMatchObject({ ok: false, error: { limit: { bound: 4 }, value: 5 } });
  });

  it('[G80] lists what a union accepts if a value fits no option', () => {
    const outcome = parse(z.union([z.strictObject({ a: z.number() }), z.array(z.number()), z.strictObject({ b: z.number() })]), null);
    expect(faultOf(outcome)?.message).toBe('the body must be an object or an array, not null');
    expect(faultOf(parse(schema, { name: 'a', input: 5 }))?.message).toBe('input: must be a string or an array, not 5: did you mean "5"?');
  });

  it.each([
    ['the option with the least to say', { prefix: '' }, 'prefix: has 0 characters; the least is 1'],
    ['the option whose kind the value has', { at: 'x' }, 'at: must be a time such as 2026-11-01T12:00:00Z'],
    ['the limit of that option', { list: [1, 2, 3] }, 'list: has 3 items; the limit is 2'],
  ])('[G80] of unions names %s', (_, value, message) => {
    const text = z.string().min(1);
    const unions = z.union([
      z.strictObject({ text, boost: z.number().optional() }),
      z.strictObject({ prefix: text }),
      z.strictObject({ at: z.union([z.number(), z.iso.datetime().transform(Number)]) }),
      z.strictObject({ list: z.union([z.string(), z.array(z.number()).max(2)]) }),
    ]);
    expect(faultOf(parse(unions, value))?.message).toBe(message);
  });

  const hook = z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('pii'), action: z.enum(['block', 'mask']) }),
    z.strictObject({ kind: z.literal('webhook'), url: z.url(), timeout_ms: z.int(), at: z.iso.datetime().optional() }),
  ]);

  it.each([
    ['a missing field', { kind: 'webhook', url: 'https://a.b' }, 'timeout_ms: is missing: it must be a number'],
    ['another kind', { kind: 'webhook', url: ['x'], timeout_ms: 1 }, 'url: must be a string, not an array'],
    ['a part of a number', { kind: 'webhook', url: 'https://a.b', timeout_ms: 1.5 }, 'timeout_ms: must be a whole number, not 1.5'],
    ['a text that is no URL', { kind: 'webhook', url: 'x', timeout_ms: 1 }, 'url: must be a URL'],
    [
      'a text that is no time',
      { kind: 'webhook', url: 'https://a.b', timeout_ms: 1, at: 'x' },
      'at: must be a time such as 2026-11-01T12:00:00Z',
    ],
    ['a word', { kind: 'pii', action: 'maks' }, 'action: must be one of "block", "mask", not "maks": did you mean "mask"?'],
    ['a word that is missing', { kind: 'pii' }, 'action: is missing: it must be one of "block", "mask"'],
    ['a long text', { kind: 'pii', action: 'x'.repeat(99) }, `action: must be one of "block", "mask", not "${'x'.repeat(64)}"`],
    ['what distinguishes', { kind: 'pi' }, 'kind: must be one of "pii", "webhook", not "pi": did you mean "pii"?'],
    ['what distinguishes and is missing', {}, 'kind: is missing: it must be one of "pii", "webhook"'],
    ['the whole', [], 'the body must be an object, not an array'],
  ])('[G80] says what it has to be and what it is: %s', (_, value, message) => {
    expect(faultOf(parse(hook, value))?.message).toBe(message);
  });

  it('[G80] calls a number of a query that is none neither missing nor by another name', () => {
    const query = z.strictObject({ from: z.coerce.number().int() });
    expect(faultOf(parse(query, { from: 'yesterday' }, 'query'))?.message).toBe('from: must be a number');
  });

  it('repeats only the beginning of unknown names, however many and long they are', () => {
    const hostile = Object.fromEntries(Array.from({ length: 1000 }, (_unused, i) => [`${'k'.repeat(10_000)}${i}`, 1]));
    const outcome = parse(schema, { name: 'a', input: 'x', ...hostile });
    const named = 'k'.repeat(64);
    expect(faultOf(outcome)).toMatchObject({ param: named, message: `${named}: is not a known field, nor are 999 others` });
    const two = parse(schema, { name: 'a', input: 'x', positive: 1, negative: 1 });
    expect(faultOf(two)?.message).toBe('positive: is not a known field, nor is 1 other');
  });
});

it.each([
  [[], ''],
  [['input', 3, 'text'], 'input[3].text'],
  [[0, 1], '[0][1]'],
  [['a'.repeat(10_000), 'b'], `${'a'.repeat(64)}.b`],
])('a path %j is written %j', (path, text) => {
  expect(pathText(path)).toBe(text);
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

  it('is not counted beyond the limit, however deep the value', () => {
    let hostile: unknown = 1;
    for (let level = 0; level < 200_000; level += 1) hostile = [hostile];
    expect(jsonDepth(hostile, 16)).toBe(17);
  });
});
