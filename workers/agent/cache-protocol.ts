import * as z from 'zod';

const key = z.string().max(255);

/** What a process asks of a cache in another one; the numbers of `set` come with it, vector after vector. */
export const cacheCall = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('get'), keys: z.array(key) }),
  z.object({
    kind: z.literal('set'),
    entries: z.array(z.object({ key, ttlMs: z.number().nullable(), fence: z.number(), dimensions: z.int().nonnegative() })),
  }),
  z.object({ kind: z.literal('forget'), keys: z.array(key) }),
  z.object({ kind: z.literal('forgetAll') }),
]);

export type CacheCall = z.infer<typeof cacheCall>;

/** Answers come in the order of the calls. To `get`: one for each key, with the numbers separate; `dimensions` null where there is no vector. */
export const cacheReply = z.object({
  done: z.boolean(),
  answers: z.array(z.object({ fence: z.number().nullable(), dimensions: z.int().nonnegative().nullable() })),
});

export type CacheReply = z.infer<typeof cacheReply>;

export function joinVectors(vectors: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const vector of vectors) {
    numbers.set(vector, at);
    at += vector.length;
  }
  return numbers;
}

/** Copies, one after the other. Throws when there are too few numbers. */
export function vectorCutter(numbers: Float32Array<ArrayBuffer>): (dimensions: number) => Float32Array<ArrayBuffer> {
  let at = 0;
  return (dimensions) => {
    if (at + dimensions > numbers.length) throw new Error('a frame with too few numbers');
    at += dimensions;
    return numbers.slice(at - dimensions, at);
  };
}
