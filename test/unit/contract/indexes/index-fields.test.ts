import { describe, expect, it } from 'vitest';

import { paramOf } from '../../../../src/contract/api/errors.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { indexEndpoints } from '../../../../src/contract/indexes/indexes.ts';

/** What the creation of an index with such fields is refused with. */
function refusalOf(fields: unknown): string {
  const read = parse(indexEndpoints.createIndex.body.schema, { name: 'articles', dimensions: 4, fields });
  return read.ok ? 'taken' : `${read.error.code} ${paramOf(read.error)}: ${read.error.message}`;
}

const NAME_FAULT = 'is no name of a field: it has lower-case letters, digits, hyphens and underscores, and begins with a letter or a digit';

describe('fields of a new index', () => {
  it('[TX230] have the defaults of their kinds', () => {
    const fields = { title: { kind: 'text', weight: 2 }, terms: { kind: 'sparse' }, tokens: { kind: 'multi_vector', dimensions: 96 } };
    const read = parse(indexEndpoints.createIndex.body.schema, { name: 'articles', dimensions: 4, fields });
    expect(read.ok && read.value.fields).toMatchObject({
      title: { kind: 'text', language: 'english', stemming: true, weight: 2, source: 'field' },
      terms: { kind: 'sparse', idf: false },
      tokens: { kind: 'multi_vector', dimensions: 96 },
    });
  });

  it.each<[string, unknown, string]>([
    ['a list', [], 'invalid_value fields: must be an object, not an array'],
    ['no kind', { f: {} }, 'invalid_value fields.f.kind: is missing: it must be one of "text", "sparse", "multi_vector", "vector"'],
    [
      'an unknown kind',
      { f: { kind: 'txt' } },
      'invalid_value fields.f.kind: must be one of "text", "sparse", "multi_vector", "vector", not "txt": did you mean "text"?',
    ],
    ['a weight below zero', { f: { kind: 'text', weight: -1 } }, 'invalid_value fields.f.weight: must be more than 0'],
    ['no weight', { f: { kind: 'text', weight: 0 } }, 'invalid_value fields.f.weight: must be more than 0'],
    ['a weight too great', { f: { kind: 'text', weight: 1_001 } }, 'limit_exceeded fields.f.weight: is 1001; the limit is 1000'],
    [
      'an unknown source',
      { f: { kind: 'text', source: 'body' } },
      'invalid_value fields.f.source: must be one of "field", "text", not "body"',
    ],
    ['an unknown setting', { f: { kind: 'sparse', weight: 2 } }, 'invalid_value fields.f.weight: is not a known field'],
    ['vectors of no length', { f: { kind: 'multi_vector' } }, 'invalid_value fields.f: give `dimensions`, `model` or both'],
    ['a vector of no length', { f: { kind: 'vector' } }, 'invalid_value fields.f: give `dimensions`, `model` or both'],
    ['a vector of one number', { f: { kind: 'vector', dimensions: 1 } }, 'invalid_value fields.f.dimensions: is 1; the least is 2'],
    [
      'an unknown metric',
      { f: { kind: 'vector', dimensions: 2, metric: 'l1' } },
      'invalid_value fields.f.metric: must be one of "cosine", "dot", "l2", not "l1": did you mean "l2"?',
    ],
    [
      'too many dimensions',
      { f: { kind: 'multi_vector', dimensions: 2_000 } },
      'limit_exceeded fields.f.dimensions: is 2000; the limit is 1024',
    ],
  ])('[TX230] %s is refused by its place', (_, fields, refusal) => {
    expect(refusalOf(fields)).toBe(refusal);
  });

  it('[TX230] a language that has no analysis is refused by name', () => {
    expect(refusalOf({ f: { kind: 'text', language: 'klingon' } })).toMatch(
      /^invalid_value fields\.f\.language: must be one of .*"english"/,
    );
  });

  it.each<[string, string]>([
    ['', `invalid_value fields.: ${NAME_FAULT}`],
    ['Title', `invalid_value fields.Title: ${NAME_FAULT}`],
    ['a b', `invalid_value fields.a b: ${NAME_FAULT}`],
    ['_id', `invalid_value fields._id: ${NAME_FAULT}`],
    ['__proto__', `invalid_value fields.__proto__: ${NAME_FAULT}`],
    ['constructor', 'taken'],
    ['title_2-de', 'taken'],
    ['x'.repeat(64), 'taken'],
    ['x'.repeat(65), `limit_exceeded fields.${'x'.repeat(64)}: is a name of 65 characters, more than fieldNameCharsMax (64)`],
  ])('[TX232] the name %j', (name, refusal) => {
    expect(refusalOf(JSON.parse(`{${JSON.stringify(name)}: {"kind": "text"}}`))).toBe(refusal);
  });

  it('[TX232] there are at most 16', () => {
    const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, { kind: 'text' }]));
    expect(refusalOf(fields(16))).toBe('taken');
    expect(refusalOf(fields(17))).toBe('limit_exceeded fields: has 17 fields, more than fieldsPerIndexMaxCount (16)');
  });
});
