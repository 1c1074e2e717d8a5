import { Buffer } from 'node:buffer';

/** Of the numbers as little-endian 32-bit floats, which is how every platform of ours keeps them. */
export const base64 = ({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
