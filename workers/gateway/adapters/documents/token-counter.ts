import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { TokenCounter } from '../../../../src/documents/chunks/chunk.ts';
import type { EmbeddingModels } from '../../../../src/gateway/embeddings/embedding-models.ts';
import type { PinnedEmbedding } from '../../../../src/index/index-manifest.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { ok } from '../../../../src/kernel/result.ts';

/**
 * Counts as the model of an index does, if the deployment has its tokeniser. Those of registered models are where these run; their tokens, as those of indexes
 * without a model, are counted by the deployment's first one, which divides words as they mostly do.
 */
export async function tokenCounterOf(models: EmbeddingModels, embedding: PinnedEmbedding | null): Promise<Outcome<TokenCounter>> {
  const own = models.manifests.find(({ contractHash }) => contractHash === embedding?.contractHash);
  const loaded = await models.load(own ?? must(models.manifests[0], 'a deployment has a model'));
  if (!loaded.ok) return loaded;
  const { tokeniser } = loaded.value;
  return ok((text) => tokeniser.tokenise(text).words);
}
