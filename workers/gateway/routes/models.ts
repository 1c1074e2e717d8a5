import { findManifest } from '../../../src/gateway/embedding-models.ts';
import { mayTouchModels } from '../../../src/gateway/authority.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import type { Handlers } from '../serve.ts';

export const modelHandlers = {
  listModels: async ({ gateway, principal }) => {
    const usable = gateway.embeddings.models.manifests.filter(({ id }) => mayTouchModels(principal, [id]).ok);
    return { ok: true, reply: { object: 'list' as const, data: usable.map(modelReply) }, used: {} };
  },
  getModel: async ({ gateway, params }) => {
    const manifest = findManifest(gateway.embeddings.models.manifests, params.model);
    return manifest.ok ? { ok: true, reply: modelReply(manifest.value), used: {} } : manifest;
  },
} satisfies Partial<Handlers>;

const modelReply = (manifest: ModelManifest) => ({
  id: manifest.id,
  object: 'model' as const,
  created: manifest.createdS,
  owned_by: manifest.ownedBy,
  version: manifest.version,
  dimensions: manifest.dimensions,
  max_input_tokens: manifest.tokensMax,
  vocabulary_size: manifest.vocabularySize,
  contract_hash: manifest.contractHash,
});
