import { hash } from 'node:crypto';

import type { VectorTier } from '../../src/cache/vector-tier.ts';
import { wrap } from '../../src/cache/cached-embedding.ts';
import type { EmbeddingModel } from '../../src/inference/embedding-model.ts';
import { tokenBatch } from '../../src/inference/token-batch.ts';
import { must } from '../../src/kernel/assert.ts';

/** Characters of the names under which vectors are shared: SHA-256 in hexadecimal. */
export const SHARED_KEY_CHARS = 64;

/** The same model, but what `tier` holds is not computed again. */
export function cachedModel(model: EmbeddingModel, tier: VectorTier): EmbeddingModel {
  const { manifest } = model;
  // An input is the ids of a text, written out.
  const embed = wrap(
    async (inputs) => {
      const ids = inputs.map((input) => (input === '' ? new Int32Array(0) : Int32Array.from(input.split(','), Number)));
      const vectors = await model.embed(tokenBatch(ids));
      return inputs.map((_, row) => vectors.subarray(row * manifest.dimensions, (row + 1) * manifest.dimensions));
    },
    { clock: { nowMs: () => Date.now() }, keyOf: (input) => hash('sha256', `${manifest.contractHash}:${input}`, 'hex'), tier },
  );
  return {
    manifest,
    async embed({ ids, offsets }) {
      const texts = Array.from(offsets.subarray(1), (end, row) => ids.subarray(must(offsets[row], 'offsets'), end).join(','));
      const vectors = new Float32Array(texts.length * manifest.dimensions);
      for (const [row, vector] of (await embed(texts)).entries()) vectors.set(vector, row * manifest.dimensions);
      return vectors;
    },
  };
}
