const INT8_MAX = 127;
const BYTE_MID = 128;

/** Each number of a vector of unit length times 127, rounded: -127 to 127. */
export const int8Of = (vector: Float32Array): number[] => Array.from(vector, (x) => Math.round(x * INT8_MAX) || 0);

/** `int8Of` plus 128: 1 to 255. */
export const uint8Of = (vector: Float32Array): number[] => int8Of(vector).map((value) => value + BYTE_MID);

/** A bit for each number, set where it is positive; eight to a byte, the first one highest, as numpy's `packbits`. */
export function ubinaryOf(vector: Float32Array): number[] {
  const packed = Array.from({ length: Math.ceil(vector.length / 8) }, () => 0);
  for (const [at, x] of vector.entries()) {
    if (x > 0) packed[at >> 3]! |= BYTE_MID >> (at & 7);
  }
  return packed;
}

/** `ubinaryOf` less 128: -128 to 127. */
export const binaryOf = (vector: Float32Array): number[] => ubinaryOf(vector).map((value) => value - BYTE_MID);
