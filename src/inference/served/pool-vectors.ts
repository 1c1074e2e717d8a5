import { normalise } from '../unit-vectors.ts';
import type { Pooling } from '../served-manifest.ts';

/** Vectors of tokens as a graph answers them: row-major, `tokens` of each text, of which the first `lengths[row]` are not padding. */
export interface TokenVectors {
  readonly data: Float32Array;
  readonly tokens: number;
  readonly dimensions: number;
  readonly lengths: readonly number[];
}

/** One vector a text, from those of its tokens; padding has no part in it. [M56] */
export function poolVectors(vectors: TokenVectors, pooling: Exclude<Pooling, 'none'>, isNormalised: boolean): Float32Array<ArrayBuffer> {
  const { data, tokens, dimensions, lengths } = vectors;
  const pooled = new Float32Array(lengths.length * dimensions);
  for (const [row, length] of lengths.entries()) {
    const answer = pooled.subarray(row * dimensions, (row + 1) * dimensions);
    const vectorAt = (token: number) => data.subarray((row * tokens + token) * dimensions, (row * tokens + token + 1) * dimensions);
    if (pooling === 'cls') answer.set(vectorAt(0));
    else if (pooling === 'last-token') answer.set(vectorAt(length - 1));
    else if (pooling === 'max') maxOf(answer, length, vectorAt);
    else sumOf(answer, length, vectorAt, DIVISORS[pooling](length));
    if (isNormalised) normalise(answer);
  }
  return pooled;
}

const DIVISORS = {
  sum: () => 1,
  mean: (length: number) => length,
  'mean-sqrt-len': (length: number) => Math.sqrt(length),
} as const;

function sumOf(answer: Float32Array, length: number, vectorAt: (token: number) => Float32Array, divisor: number): void {
  for (let token = 0; token < length; token += 1) {
    const vector = vectorAt(token);
    for (let d = 0; d < answer.length; d += 1) answer[d]! += vector[d]!;
  }
  for (let d = 0; d < answer.length; d += 1) answer[d] = answer[d]! / divisor;
}

function maxOf(answer: Float32Array, length: number, vectorAt: (token: number) => Float32Array): void {
  answer.fill(-Infinity);
  for (let token = 0; token < length; token += 1) {
    const vector = vectorAt(token);
    for (let d = 0; d < answer.length; d += 1) answer[d] = Math.max(answer[d]!, vector[d]!);
  }
}
