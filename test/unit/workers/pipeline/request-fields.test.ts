import { describe, expect, it } from 'vitest';

import { checkUrlText, idempotencyKeyOf } from '../../../../workers/gateway/pipeline/request-fields.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { faultOf } from '../../../support/fixtures/fault-of.ts';

const check = (path: string, pattern: string) => checkUrlText(`http://sluice${path}`, pattern);

describe('the text of a URL', () => {
  it.each([
    ['/v1/indexes/%ED%A0%80', '/v1/indexes/:index', 'index'],
    ['/v1/indexes/a/aliases/%ff', '/v1/indexes/:index/aliases/:alias', 'alias'],
    ['/qdrant/collections/%ff/points/1', '/collections/:collection/points/:id', 'collection'],
    ['/v1/files?purpose=batch&after=%c3', '/v1/files', 'after'],
    ['/v1/files?%ff=1', '/v1/files', '%ff'],
  ])('[G30] of %s is refused because it is not UTF-8, naming the parameter', (path, pattern, param) => {
    expect(faultOf(check(path, pattern))).toMatchObject({ code: 'invalid_value', param });
  });

  it.each([
    ['/v1/indexes/%F0%9F%98%80', '/v1/indexes/:index'],
    ['/v1/indexes/100%', '/v1/indexes/:index'],
    ['/v1/files?after=%E2%82%AC&limit=1', '/v1/files'],
    ['/v1/files?after=a%', '/v1/files'],
  ])('[G30] of %s is accepted', (path, pattern) => {
    expect(check(path, pattern).ok).toBe(true);
  });
});

describe('the idempotency key of a request', () => {
  const keyOf = (key: string | undefined) => {
    const headers: [string, string][] = key === undefined ? [] : [['idempotency-key', key]];
    return idempotencyKeyOf(new Request('http://sluice', { headers }));
  };

  it('is taken as it is, and may be absent', () => {
    const longest = 'k'.repeat(API_LIMITS.idempotencyKeyCharsMax);
    expect([undefined, 'a', longest].map(keyOf)).toEqual([undefined, 'a', longest].map((value) => ({ ok: true, value })));
  });

  it('is refused, naming its header, when it is empty, too long or has other characters', () => {
    for (const key of ['', 'k'.repeat(API_LIMITS.idempotencyKeyCharsMax + 1), 'a b', 'a\u00e9']) {
      expect(faultOf(keyOf(key))).toMatchObject({ code: 'invalid_value', param: 'idempotency-key' });
    }
  });
});
