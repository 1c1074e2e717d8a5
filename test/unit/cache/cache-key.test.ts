import { hash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { cacheKey, INPUT_DIGEST, inputDigest } from '../../../src/cache/cache-key.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';

const sha256 = (data: string | Uint8Array) => hash('sha256', data, 'hex');

const keyOf = (tenant: string, contract: string, digest: string) => cacheKey(tenant as TenantId, contract, digest);

describe('cache key', () => {
  it('[C1] identifies a text by the SHA-256 of its UTF-8, which callers can compute', () => {
    expect(inputDigest(sha256, { kind: 'text', text: 'é' })).toBe(sha256(Uint8Array.of(0xc3, 0xa9)));
  });

  it('[C1] identifies token ids by their little-endian bytes, never as a text', () => {
    const digest = inputDigest(sha256, { kind: 'tokens', ids: Int32Array.of(1, 258) });
    expect(digest).toBe(`ids:${sha256(Uint8Array.of(1, 0, 0, 0, 2, 1, 0, 0))}`);
    expect(digest).not.toBe(inputDigest(sha256, { kind: 'text', text: '\x01\0\0\0\x02\x01\0\0' }));
  });

  it('[C1] distinguishes tenants, contracts and inputs', () => {
    const keys = [keyOf('tn_a', 'c1', 'd'), keyOf('tn_b', 'c1', 'd'), keyOf('tn_a', 'c2', 'd'), keyOf('tn_a', 'c1', 'e')];
    expect(new Set(keys).size).toBe(4);
  });

  it('[C1] is accepted by a purge by key', () => {
    expect(inputDigest(sha256, { kind: 'text', text: 'a' })).toMatch(INPUT_DIGEST);
    expect(inputDigest(sha256, { kind: 'tokens', ids: Int32Array.of(7) })).toMatch(INPUT_DIGEST);
  });
});
