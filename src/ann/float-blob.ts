import { assert } from '../kernel/assert.ts';

/** A vector as storage keeps it: float32, little-endian, nothing else, on any host. */
export function encodeFloats(values: Float32Array): Uint8Array<ArrayBuffer> {
  const blob = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i += 1) blob.setFloat32(i * 4, values[i]!, true);
  return new Uint8Array(blob.buffer);
}

/** The inverse of `encodeFloats`. A blob of another length than `dimensions` floats is corrupt storage and throws. */
export function decodeFloats(blob: ArrayBuffer, dimensions: number): Float32Array<ArrayBuffer> {
  assert(blob.byteLength === dimensions * 4, `a vector of ${dimensions} dimensions has ${dimensions * 4} bytes, not ${blob.byteLength}`);
  const view = new DataView(blob);
  const values = new Float32Array(dimensions);
  for (let i = 0; i < dimensions; i += 1) values[i] = view.getFloat32(i * 4, true);
  return values;
}
