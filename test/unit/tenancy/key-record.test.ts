import { describe, expect, it } from 'vitest';

import { Hmac, constantTimeEqual } from '../../../src/kernel/hmac.ts';
import { issue, revoke, rotate, verify, whileCurrent } from '../../../src/tenancy/keys/key-record.ts';
import { newKey } from '../../support/fakes/tenancy.ts';

const MAC = { first: 'a'.repeat(64), second: 'b'.repeat(64), third: 'c'.repeat(64), wrong: 'd'.repeat(64) };
const fresh = issue(newKey({ mac: MAC.first, expiresAtMs: 10_000 }));

describe('key records', () => {
  it('[T2] contain the MAC of a key and nothing of the key itself', async () => {
    const hmac = new Hmac('pepper');
    // printf key | openssl dgst -sha256 -hmac pepper
    expect(await hmac.hex('key')).toBe('23e49db7721548ac8aa1dfcce7a931f57b045fb1b72bf44c1eefa9f60a7bc3f8');
    expect(Object.keys(fresh.secrets[0] ?? {})).toEqual(['mac', 'createdAtMs', 'validUntilMs']);
  });

  it('[T3] keep at most two live secrets, the older one until its grace ends', () => {
    const rotated = rotate(fresh, MAC.second, 500, 1000);
    const record = rotated.ok ? rotated.value : fresh;
    expect(verify(record, MAC.first, 1499).ok).toBe(true);
    expect(verify(record, MAC.first, 1500).ok).toBe(false);
    expect(verify(record, MAC.second, 9_999).ok).toBe(true);

    const again = rotate(record, MAC.third, 500, 1100);
    expect(again).toMatchObject({ value: { secrets: [{ mac: MAC.third }, { mac: MAC.second }] } });
    expect(again.ok && again.value.secrets).toHaveLength(2);
    expect(again.ok && verify(again.value, MAC.first, 1101).ok).toBe(false);
  });

  it('[T61] answer a repeated rotation only while its secret is current and the key is valid', () => {
    const rotated = rotate(fresh, MAC.second, 500, 1000);
    const record = rotated.ok ? rotated.value : fresh;
    expect(whileCurrent(record, MAC.second, 1_100)).toEqual({ ok: true, value: record });
    const conflict = (word: string) => ({
      error: { code: 'idempotency_key_spent', path: ['idempotency-key'], message: expect.stringContaining(word) },
    });
    expect(whileCurrent(record, MAC.first, 1_100)).toMatchObject(conflict('rotated'));
    expect(whileCurrent(revoke(record, 1_050), MAC.second, 1_100)).toMatchObject(conflict('revoked'));
    expect(whileCurrent(record, MAC.second, 10_000)).toMatchObject(conflict('expired'));
  });

  it('[T4] refuse a revoked key, an expired one and a wrong secret', () => {
    const revoked = revoke(fresh, 500);
    expect(revoke(revoked, 600)).toBe(revoked);
    expect(verify(revoked, MAC.first, 700)).toEqual(verify(fresh, MAC.wrong, 700));
    expect(verify(fresh, MAC.first, 9_999).ok).toBe(true);
    expect(verify(fresh, MAC.first, 10_000)).toMatchObject({ error: { code: 'key_expired' } });
    expect(verify(fresh, MAC.wrong, 10_000)).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(rotate(revoked, MAC.second, 0, 700)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(rotate(fresh, MAC.second, 0, 10_000)).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('compare digests as text', () => {
    expect(constantTimeEqual(MAC.first, MAC.first)).toBe(true);
    expect(constantTimeEqual(MAC.first, `${MAC.first.slice(1)}b`)).toBe(false);
    expect(constantTimeEqual('', '')).toBe(true);
    expect(constantTimeEqual('a', '')).toBe(false);
    expect(constantTimeEqual('', 'a')).toBe(false);
    expect(constantTimeEqual('aa', 'aaa')).toBe(false);
  });
});
