import { expect, it } from 'vitest';

import { binaryOf, int8Of, ubinaryOf, uint8Of } from '../../../src/inference/vector-form.ts';

it('[M113] numbers from -1 to 1 become whole numbers of a byte', () => {
  const vector = Float32Array.of(1, -1, 0, 0.5, -0.001);
  expect(int8Of(vector)).toEqual([127, -127, 0, 64, 0]);
  expect(uint8Of(vector)).toEqual([255, 1, 128, 192, 128]);
});

it('[M113] signs are packed eight to a byte, the first one highest, zeros behind the last', () => {
  const vector = Float32Array.of(1, -1, 0, 1, 0.1, -0.1, 0.1, 0.2, -1, 1);
  expect(ubinaryOf(vector)).toEqual([0b10011011, 0b01000000]);
  expect(binaryOf(vector)).toEqual([0b10011011 - 128, 0b01000000 - 128]);
  expect(ubinaryOf(new Float32Array(16))).toEqual([0, 0]);
});
