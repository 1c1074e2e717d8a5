import { assert } from '../kernel/assert.ts';

/** Whether memory has numbers in the order in which storage keeps them: then they are copied as they are. */
export const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A vector as storage keeps it: float32, little-endian, nothing else, on any host. */
export function encodeFloats(values: Float32Array): Uint8Array<ArrayBuffer> {
  if (IS_LITTLE_ENDIAN) return new Uint8Array(values.slice().buffer);
  const blob = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i += 1) blob.setFloat32(i * 4, values[i]!, true);
  return new Uint8Array(blob.buffer);
}

/** The inverse of `encodeFloats`; may share the blob. A blob of another length than `dimensions` floats is corrupt storage and throws. */
export function decodeFloats(blob: ArrayBuffer, dimensions: number): Float32Array<ArrayBuffer> {
  assert(blob.byteLength === dimensions * 4, `a vector of ${dimensions} dimensions has ${dimensions * 4} bytes, not ${blob.byteLength}`);
  if (IS_LITTLE_ENDIAN) return new Float32Array(blob);
  const view = new DataView(blob);
  const values = new Float32Array(dimensions);
  for (let i = 0; i < dimensions; i += 1) values[i] = view.getFloat32(i * 4, true);
  return values;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * A power of two that brings magnitudes of at most `largest` below 1 and loses nothing: float32 arithmetic on what it is multiplied with
 * neither overflows nor vanishes. 1 for 0.
 */
export function unitFor(largest: number): number {
  float[0] = largest;
  const exponent = (bits[0]! >>> 23) & 0xff;
  return largest === 0 ? 1 : 2 ** (126 - exponent);
}

export function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i += 1) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

const FLOAT32_MAX = 3.4028234663852886e38;

/** The closest float32 that is finite. */
export const finite = (value: number): number => Math.max(-FLOAT32_MAX, Math.min(FLOAT32_MAX, value));
