import { toBase64 } from '../../kernel/bytes.ts';

/** Vectors of the tokens of a text: number d of vector t is code `t * dimensions + d` times `scales[t]`. */
export interface TokenCodes {
  readonly dimensions: number;
  /** Base64 of signed bytes. */
  readonly codes: string;
  readonly scales: readonly number[];
}

const CODE_MAX = 127;

/**
 * Vectors as codes of one byte a number, each vector under a scale of its own: its largest number is 127 scales, and every number moves by
 * half a scale at most. What codes stand for becomes the same codes again. `rows`: row-major, finite numbers.
 */
export function quantiseTokens(rows: Float32Array, dimensions: number): TokenCodes {
  const codes = new Int8Array(rows.length);
  const scales: number[] = [];
  for (let start = 0; start < rows.length; start += dimensions) {
    const vector = rows.subarray(start, start + dimensions);
    const largest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.fround(largest / CODE_MAX);
    scales.push(scale);
    // Numbers so small that no scale is left are zero.
    if (scale === 0) continue;
    for (const [at, value] of vector.entries()) codes[start + at] = Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(value / scale)));
  }
  return { dimensions, codes: toBase64(new Uint8Array(codes.buffer)), scales };
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Codes that were made before, or what is wrong with them. Their number follows from the length of the text: nothing is decoded. */
export function tokenCodesOf(codes: string, scales: readonly number[]): TokenCodes | string {
  if (codes.length % 4 !== 0 || !BASE64.test(codes)) return 'must be base64, padded';
  const count = (codes.length / 4) * 3 - (codes.length - codes.replace(/=+$/, '').length);
  const dimensions = count / scales.length;
  if (count > 0 && Number.isInteger(dimensions)) return { dimensions, codes, scales };
  return `has ${count} bytes, which are no ${scales.length} vectors of one length`;
}
