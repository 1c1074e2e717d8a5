import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../../../src/kernel/bytes.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

it('writes bytes as Node does, and reads them again', () => {
  const random = new Seeded(3);
  for (let length = 0; length < 100; length += 1) {
    const bytes = Uint8Array.from({ length }, () => random.next() * 256);
    const text = toBase64Url(bytes);
    expect(text).toBe(Buffer.from(bytes).toString('base64url'));
    expect(fromBase64Url(text)).toEqual(bytes);
  }
});

it.each(['=', 'AA==', 'A', 'AB', 'ä', 'AA+A'])('rejects %j', (text) => {
  expect(fromBase64Url(text)).toBeUndefined();
});
