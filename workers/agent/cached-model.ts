import { hash } from 'node:crypto';

import { SharedTier } from '../../src/cache/shared/shared-tier.ts';
import type { SharedVectors } from '../../src/cache/shared/shared-vectors.ts';
import { wrap } from '../../src/cache/wrap.ts';
import type { EmbeddingModel } from '../../src/inference/embedding-model.ts';
import { tokenBatch } from '../../src/inference/token-batch.ts';
import { must } from '../../src/kernel/assert.ts';

/** Characters of the names under which vectors are shared: SHA-256 in hexadecimal. */
export const SHARED_KEY_CHARS = 64;

/** The same model, but what any thread has computed is not computed again. */
export function cachedModel(model: EmbeddingModel, shared: SharedVectors): EmbeddingModel {
  const { manifest } = model;
  const clock = { nowMs: () => Date.now() };
  // An input is the ids of a text, written out.
  const embed = wrap(
    async (inputs) => {
      const ids = inputs.map((input) => (input === '' ? new Int32Array(0) : Int32Array.from(input.split(','), Number)));
      const vectors = await model.embed(tokenBatch(ids));
      return inputs.map((_, row) => vectors.subarray(row * manifest.dimensions, (row + 1) * manifest.dimensions));
    },
    { clock, keyOf: (input) => hash('sha256', `${manifest.contractHash}:${input}`, 'hex'), tier: new SharedTier(shared, clock) },
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
