import { CachedEmbedding } from './cached-embedding.ts';
import type { CachedGetEmbedding, GetEmbedding, WrapOptions } from './embedding-function.ts';

/**
 * Puts a cache before an embedding function, in one line: `const embed = wrap(getEmbedding, { clock: { nowMs: Date.now } })`.
 * A batch computes only what is missing, each distinct input once, concurrent batches together.
 */
export function wrap<E = never>(getEmbedding: GetEmbedding<E>, options: WrapOptions<E>): CachedGetEmbedding<E> {
  const cached = new CachedEmbedding(getEmbedding, options);
  return Object.assign((inputs: readonly string[]) => cached.answer(inputs), {
    forget: (inputs: readonly string[]) => cached.forget(inputs),
    forgetAll: () => cached.forgetAll(),
    stats: () => cached.stats(),
  });
}
