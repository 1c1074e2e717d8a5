import { describe, expect, it } from 'vitest';

import { parseJsonPath } from '../../../../src/contract/qdrant/json-path.ts';
import { isWord, valuesAt } from '../../../../workers/gateway/compat/qdrant/values-at.ts';
import { jsonText } from '../../../../src/kernel/float32-text.ts';
import { inQdrantWords } from '../../../../workers/gateway/compat/qdrant/call.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { recordsOf, selectPayload } from '../../../../workers/gateway/compat/qdrant/records.ts';

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

it('[Q84] vectors of cosines are shown as unit vectors, zeros as they are, others as they were written', () => {
  const values = Float32Array.of(3, 4, 0, 0, 0.6, 0.8, 3e38, 3e38, -1e-40, 0);
  const shown = (metric: 'cosine' | 'dot' | 'l2'): number[][] => {
    const manifest = { dimensions: 2, metric } as IndexManifest;
    const found = { ids: ['1', '2', '3', '4', '5'], values, metadata: null, texts: null, lsn: 1, manifest };
    return (JSON.parse(jsonText(recordsOf(found, { with_payload: false, with_vector: true }))) as { vector: number[] }[]).map(
      ({ vector }) => vector,
    );
  };
  const half = Math.fround(Math.SQRT1_2);
  expect(shown('cosine').map((row) => row.map(Math.fround))).toEqual(
    [
      [0.6, 0.8],
      [0, 0],
      [0.6, 0.8],
      [half, half],
      [-1, 0],
    ].map((row) => row.map(Math.fround)),
  );
  for (const metric of ['dot', 'l2'] as const) expect(shown(metric).flat().map(Math.fround)).toEqual([...values]);
});
