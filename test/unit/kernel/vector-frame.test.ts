import fc from 'fast-check';
import { expect, test } from 'vitest';

import { framePrefixOf, readFrame, writeFrame } from '../../../src/kernel/vector-frame.ts';

const floats = (count: number) =>
  fc.array(fc.float({ noNaN: true }), { minLength: count, maxLength: count }).map((numbers) => Float32Array.from(numbers));
const frames = fc
  .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 5 }), fc.jsonValue())
  .chain(([rows, dimensions, head]) => fc.tuple(floats(rows * dimensions), fc.constant(rows === 0 ? 0 : dimensions), fc.constant(head)));

const copyAt = (bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> => {
  const copy = new Uint8Array(offset + bytes.byteLength);
  copy.set(bytes, offset);
  return copy.subarray(offset);
};

test('a frame comes back to the bit, wherever its bytes lie', () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 0, max: 7 }), ([values, dimensions, head], offset) => {
      const bytes = writeFrame(head, values, dimensions);
      const read = readFrame(copyAt(bytes, offset));
      if (typeof read === 'string') throw new Error(read);
      expect(JSON.parse(new TextDecoder().decode(read.head))).toEqual(JSON.parse(JSON.stringify(head)));
      expect(new Uint8Array(read.values.slice().buffer)).toEqual(new Uint8Array(values.buffer));
      expect(read).toMatchObject({ dimensions, rows: dimensions === 0 ? 0 : values.length / dimensions });
      expect(framePrefixOf(bytes)).toMatchObject({ bytes: bytes.byteLength });
    }),
  );
});

test('bytes that are cut off, too many or of another format are no frame, and the fault says why', () => {
  const whole = writeFrame({ top_k: 3 }, Float32Array.of(1, 2, 3, 4), 2);
  for (let bytes = 0; bytes < whole.byteLength; bytes += 1) expect(readFrame(whole.slice(0, bytes))).toMatch(/^has \d+ bytes; /);
  expect(readFrame(copyAt(whole, 0).subarray(0, 40))).toBe('has 40 bytes; its head of 12 and 2 rows of 2 numbers make 44');
  expect(readFrame(Uint8Array.of(...whole, 0))).toMatch('has 45 bytes');
  const altered = (at: number, byte: number) => readFrame(whole.map((was, i) => (i === at ? byte : was)));
  expect(altered(3, 0x32)).toMatch('`SLF1`');
  expect(altered(4, 13)).toMatch('not a multiple of 4');
  expect(altered(11, 0x80)).toMatch('has 44 bytes');
  expect(altered(12, 0)).toBe('states 2 rows of 0 numbers');
});
