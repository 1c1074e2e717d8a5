import { describe, expect, it } from 'vitest';

import { parseJsonPath } from '../../../../src/contract/qdrant/json-path.ts';
import { isWord, valuesAt } from '../../../../workers/gateway/compat/qdrant/values-at.ts';
import { inQdrantWords } from '../../../../workers/gateway/compat/qdrant/call.ts';
import { selectPayload } from '../../../../workers/gateway/compat/qdrant/records.ts';

const PAYLOAD = '{"a":1,"b":{"c":2,"d":3},"l":[{"n":1,"m":2},{"n":3},5],"big":18446744073709551615}';
const paths = (...written: string[]) => written.map((path) => parseJsonPath(path)!);
const included = (...written: string[]) => JSON.stringify(selectPayload(PAYLOAD, { include: paths(...written) }));
const excluded = (...written: string[]) => JSON.stringify(selectPayload(PAYLOAD, { exclude: paths(...written) }));

describe('[Q31] parts of a payload that are returned:', () => {
  it('all or nothing', () => {
    expect(JSON.stringify(selectPayload(PAYLOAD, true))).toBe(PAYLOAD);
    expect(selectPayload(PAYLOAD, false)).toBe(undefined);
    expect([selectPayload(null, true), selectPayload(null, { include: paths('a') })]).toEqual([{}, {}]);
  });

  it('the values at the included paths', () => {
    expect(included('a', 'big')).toBe('{"a":1,"big":18446744073709551615}');
    expect(included('b.c', 'b.d')).toBe('{"b":{"c":2,"d":3}}');
    expect(included('l[].n')).toBe('{"l":[{"n":1},{"n":3}]}');
    expect(included('l[1]')).toBe('{"l":[{"n":3}]}');
    expect(included('x', 'a.y', 'big.z', 'l.n')).toBe('{}');
    expect(included()).toBe('{}');
  });

  it('everything but the excluded paths', () => {
    expect(excluded('b.c', 'l', 'big')).toBe('{"a":1,"b":{"d":3}}');
    expect(excluded('l[].n', 'a', 'b', 'big')).toBe('{"l":[{"m":2},{},5]}');
    expect(excluded()).toBe(PAYLOAD);
  });
});

it('[Q42] a point belongs to the group of each string and integer at the path', () => {
  const value = { k: ['x', 2, 'x', 2.5, null, { y: 1 }], l: [{ n: 'a' }, { n: ['b', 'a'] }] };
  const groupsAt = (path: string) => valuesAt(value, parseJsonPath(path)!, isWord);
  expect(groupsAt('k')).toEqual(['x', 2]);
  expect(groupsAt('l[].n')).toEqual(['a', 'b']);
  expect(groupsAt('l[1].n')).toEqual(['b', 'a']);
  expect(groupsAt('absent.n')).toEqual([]);
});

it('[Q3] a refusal names the fields as Qdrant does', () => {
  const missing = { code: 'vector_not_found', message: 'there is none', path: ['positive_ids', 1] } as const;
  expect(inQdrantWords(missing).error).toEqual({ ...missing, path: ['positive', 1] });
  const tooMany = { code: 'limit_exceeded', message: 'too many', path: ['mmr', 'candidates_limit'] } as const;
  expect(inQdrantWords(tooMany).error).toEqual({ ...tooMany, path: ['query', 'mmr', 'candidates_limit'] });
  // Names that callers chose stay unchanged.
  const named = { code: 'index_not_found', message: 'there is no index named "top_k"', path: ['index'] } as const;
  expect(inQdrantWords(named).error).toEqual(named);
  expect(inQdrantWords({ code: 'unavailable', message: 'top_k' }).error).toEqual({ code: 'unavailable', message: 'top_k' });
});
