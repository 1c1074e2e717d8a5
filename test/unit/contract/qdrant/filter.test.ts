import { describe, expect, it } from 'vitest';

import type { Filter } from '../../../../src/contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { qdrantFilter } from '../../../../src/contract/qdrant/filter.ts';
import { parseJsonPath } from '../../../../src/contract/qdrant/json-path.ts';
import { parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';

const read = (written: unknown): Filter | undefined => qdrantFilter.parse(written);

/** The field at which a filter is refused, with code and message. */
function refusal(written: unknown): [param: string | null, code: string, message: string] {
  const fault = faultOf(parse(qdrantFilter, written));
  if (fault === undefined) throw new Error(`${JSON.stringify(written)} was taken`);
  return [fault.param, fault.code, fault.message];
}

describe('[Q20] a filter of Qdrant is read', () => {
  it('clause by clause', () => {
    const red = { key: 'a', match: { value: 'red' } };
    const isRed = { kind: 'equals', path: 'a', values: ['red'] };
    expect(read({ must: [red] })).toEqual(isRed);
    expect(read({ must: red })).toEqual(isRed);
    expect(read({ must: [red, red], should: [red], must_not: [red, red] })).toEqual({
      kind: 'and',
      of: [isRed, isRed, isRed, { kind: 'not', of: { kind: 'or', of: [isRed, isRed] } }],
    });
    expect(read({ min_should: { conditions: [red], min_count: 1 } })).toEqual({ kind: 'atLeast', count: 1, of: [isRed] });
    expect(read({})).toEqual({ kind: 'and', of: [] });
    expect([read(null), read(undefined)]).toEqual([undefined, undefined]);
  });

  it('by its keys, with or without arrays', () => {
    const value = (key: string) => read({ must: [{ key, match: { value: 1 } }] });
    expect(value('a[].b')).toEqual({ kind: 'equals', path: 'a.b', values: [1] });
    expect(value('"a"."b"[]')).toEqual({ kind: 'equals', path: 'a.b', values: [1] });
  });

  it('with the narrower of two ends, and times without an offset as UTC', () => {
    const range = (ends: object) => read({ must: [{ key: 'a', range: ends }] });
    expect(range({ gt: 1, gte: 1, lt: 5, lte: 4, unused: null })).toEqual({
      kind: 'range',
      path: 'a',
      type: 'number',
      interval: { min: { value: 1, closed: false }, max: { value: 4, closed: true } },
    });
    expect(range({ gte: '2024-01-01T00:00:00' })).toEqual(range({ gte: '2024-01-01T01:00:00+01:00' }));
  });
});

describe('[Q21] a filter of Qdrant is refused, naming the path,', () => {
  const must = (condition: unknown) => ({ must: [condition] });
  it.each<[string, unknown, string]>([
    ['that matches words', must({ key: 'a', match: { text: 'x' } }), 'must[0].match.text'],
    ['that names one item of an array', must({ key: 'a[0].b', match: { value: 1 } }), 'must[0].key'],
    ['that names a member with a dot', must({ key: '"a.b"', match: { value: 1 } }), 'must[0].key'],
    ['that names no member', must({ key: '', match: { value: 1 } }), 'must[0].key'],
    ['of two conditions at once', must({ key: 'a', match: { value: 1 }, range: { lt: 3 } }), 'must[0]'],
    ['without a condition', must({ key: 'a' }), 'must[0]'],
    ['of an unknown condition', must({ key: 'a', likes: 1 }), 'must[0].likes'],
    ['of an unknown clause', { must_knot: [] }, 'must_knot'],
    ['that matches null as a value', must({ key: 'a', match: { value: null } }), 'must[0].match.value'],
    ['of an integer beyond 2^53', must({ key: 'a', match: { any: [1, parseExactJson('9007199254740993')] } }), 'must[0].match.any[1]'],
    ['between a number and a time', must({ key: 'a', range: { gt: 1, lt: '2024-01-01' } }), 'must[0].range.lt'],
    ['between values that are not times', must({ key: 'a', range: { lt: 'yesterday' } }), 'must[0].range.lt'],
    [
      'of a point outside the globe',
      must({ key: 'a', geo_radius: { center: { lat: 91, lon: 0 }, radius: 1 } }),
      'must[0].geo_radius.center.lat',
    ],
    ['of ids within an item', must({ nested: { key: 'a', filter: must({ has_id: [1] }) } }), 'must[0].nested.filter.must[0].has_id'],
    ['of an invalid id', must({ has_id: [1, -2] }), 'must[0].has_id[1]'],
    ['of a named vector', must({ has_vector: 'image' }), 'must[0].has_vector'],
    ['that is a list', [], ''],
  ])('%s', (_, written, place) => {
    expect(refusal(written).slice(0, 2)).toEqual([place === '' ? null : place, 'invalid_value']);
  });

  it('beyond a limit', () => {
    const many = Array.from({ length: VECTOR_LIMITS.filterConditionsMaxCount + 1 }, () => ({ key: 'a', match: { value: 1 } }));
    expect(refusal({ must: many }).slice(1, 2)).toEqual(['limit_exceeded']);
    let deep: object = { key: 'a', match: { value: 1 } };
    for (let depth = 0; depth <= VECTOR_LIMITS.filterDepthMax; depth += 1) deep = { must: [deep] };
    expect(refusal(deep)[2]).toContain('filterDepthMax');
  });
});

it('[Q31] paths into payloads are members and indexes', () => {
  expect(parseJsonPath('a.b[].c[12]."d.e"')).toEqual(['a', 'b', null, 'c', 12, 'd.e']);
  for (const path of ['', '.a', 'a..b', 'a[x]', 'a[', '[0]', 'a"b']) expect([path, parseJsonPath(path)]).toEqual([path, undefined]);
});
