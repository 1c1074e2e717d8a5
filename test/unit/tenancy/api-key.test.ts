import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { base32 } from '../../../src/kernel/ids.ts';
import { checksum, formatApiKey, parseApiKey, SECRET_BYTES } from '../../../src/tenancy/keys/api-key.ts';
import { keyId, organisationId, organisationOf, projectId, tenantId } from '../../../src/tenancy/resource-ids.ts';
import { effort } from '../../support/fixtures/effort.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const SEED = { seed: 20261125, numRuns: effort(500) };

describe('API keys', () => {
  it('[T1] name their key, and their key names its organisation', () => {
    fc.assert(
      fc.property(fc.oneof(bytes(10), bytes(18)), bytes(10), bytes(SECRET_BYTES), (stem, keyBytes, secret) => {
        const organisation = organisationId(base32(stem));
        const id = keyId(organisation, keyBytes);
        const text = formatApiKey(id, secret);
        expect(text).toMatch(/^sk_([0-9a-z]{20}|[0-9a-z]{28})_[0-9A-Za-z]{46}$/);
        expect(parseApiKey(text)).toEqual({ ok: true, value: id });
        expect(organisationOf(id)).toBe(organisation);
        expect(organisationOf(tenantId(organisation, keyBytes.subarray(0, 8)))).toBe(organisation);
        expect(organisationOf(projectId(organisation, keyBytes.subarray(0, 8)))).toBe(organisation);
      }),
      SEED,
    );
  });

  it('[T1] are refused with any one character changed', () => {
    const text = formatApiKey(keyId(organisationId('4v9k2m7q1x'), new Uint8Array(10)), new Uint8Array(SECRET_BYTES));
    const wrong = text
      .split('')
      .flatMap((character, position) =>
        '0123456789abcdefghijklmnopqrstuvwxyzABC_ '
          .split('')
          .flatMap((other) => (other === character ? [] : [text.slice(0, position) + other + text.slice(position + 1)])),
      );
    expect(wrong.length).toBeGreaterThan(2500);
    expect(wrong.filter((candidate) => parseApiKey(candidate).ok)).toEqual([]);
  });

  it('[T1] are refused as arbitrary text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), (text) => {
        expect(parseApiKey(text)).toMatchObject({ ok: false, error: { code: 'invalid_api_key' } });
      }),
      SEED,
    );
  });

  it('end with the CRC-32 of their beginning', () => {
    // The check value of CRC-32/ISO-HDLC, 0xcbf43926, in base 62.
    let value = 0xcbf43926;
    let digits = '';
    for (; value > 0; value = Math.floor(value / 62)) {
      digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.charAt(value % 62) + digits;
    }
    expect(checksum('123456789')).toBe(digits.padStart(6, '0'));
  });
});
