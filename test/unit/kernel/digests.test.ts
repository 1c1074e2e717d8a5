import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';

import { chanceHash } from '../../../src/kernel/fast-hash.ts';
import { mix } from '../../../src/kernel/seeded.ts';
import { shortSha256 } from '../../../src/kernel/short-sha256.ts';

it('[C86] the digest of short data is SHA-256, for every length around its blocks and for any text', () => {
  for (let length = 0; length <= 300; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, at) => mix(length * 1_000 + at));
    expect(shortSha256(bytes), String(length)).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
  for (const text of ['', 'abc', 'größer', '水門', '\u{1f6a3}'.repeat(40)]) {
    expect(shortSha256(text)).toBe(createHash('sha256').update(text).digest('hex'));
  }
});

it('[C86] a tag of numbers changes wholly with any bit of them, and with the text beside them', () => {
  const values = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i));
  const bits = new Uint32Array(values.buffer);
  const first = chanceHash('m@1 100 float', values);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  const tags = new Set([
    first,
    chanceHash('m@1 100 base64', values),
    chanceHash('m@2 100 float', values),
    chanceHash('', values.subarray(1)),
  ]);
  expect(tags.size).toBe(4);
  let changed = 0;
  for (let bit = 0; bit < 3_200; bit += 1) {
    const flip = (1 << (bit % 32)) >>> 0;
    bits[bit >> 5] = (bits[bit >> 5] ?? 0) ^ flip;
    const tag = chanceHash('m@1 100 float', values);
    bits[bit >> 5] = (bits[bit >> 5] ?? 0) ^ flip;
    changed += differing(first, tag);
    tags.add(tag);
  }
  expect(tags.size).toBe(3_204);
  // Of 128 bits, half: MurmurHash3 is that good over thousands of flips.
  expect(Math.abs(changed / 3_200 - 64)).toBeLessThan(2);
  expect(chanceHash('', new Float32Array([0]))).not.toBe(chanceHash('', new Float32Array([-0])));
});

function differing(a: string, b: string): number {
  let count = 0;
  for (let bits = BigInt(`0x${a}`) ^ BigInt(`0x${b}`); bits > 0n; bits >>= 1n) count += Number(bits & 1n);
  return count;
}
