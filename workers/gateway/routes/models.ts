import { modelEndpoints } from '../../../src/contract/models.ts';
import { findManifest } from '../../../src/gateway/embedding-models.ts';
import { mayTouchModels } from '../../../src/gateway/authority.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';

export const modelRoutes: readonly Route[] = [
  route(modelEndpoints.listModels, async ({ gateway, principal }) => {
    const usable = gateway.embeddings.models.manifests.filter(({ id }) => mayTouchModels(principal, [id]).ok);
    return { ok: true, reply: { object: 'list' as const, data: usable.map(modelReply) }, used: {} };
  }),
  route(modelEndpoints.getModel, async ({ gateway, params }) => {
    const manifest = findManifest(gateway.embeddings.models.manifests, params.model);
    return manifest.ok ? { ok: true, reply: modelReply(manifest.value), used: {} } : manifest;
  }),
];

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
