import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeFloats, encodeFloats } from '../../../src/ann/float32.ts';
import { effort } from '../../support/fixtures/effort.ts';

describe('float blobs', () => {
  it('[V6] round-trip every float32 to the bit, negative zero and subnormal numbers included', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 64, noNaN: true }), (values) => {
        const blob = encodeFloats(values);
        expect(decodeFloats(blob.buffer, values.length)).toEqual(values);
      }),
      { seed: 3, numRuns: effort(300) },
    );
  });

  it('[V6] are little-endian float32 and nothing else', () => {
    expect([...encodeFloats(Float32Array.of(1, -2))]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it('[V6] of another length are corrupt', () => {
    expect(() => decodeFloats(new ArrayBuffer(12), 4)).toThrow('16 bytes, not 12');
  });
});
