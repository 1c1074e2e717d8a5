import { closestTo } from '../../contract/api/closest-word.ts';
import { withSuggestion } from '../../contract/api/errors.ts';
import { pinnedName } from '../../contract/api/model-name.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseResource } from '../../contract/api/outcome.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { findVersion } from '../../inference/model-manifest.ts';
import type { TokenBatch } from '../../inference/token-batch.ts';
import type { Tokeniser } from '../../inference/embedding-model.ts';
import { err, ok } from '../../kernel/result.ts';

/** A model that can be run from here, wherever it runs. */
export interface RunnableModel {
  readonly manifest: ModelManifest;
  readonly tokeniser: Tokeniser;
  /** One row of `manifest.dimensions` numbers a text, row-major. Refuses with `unavailable`. */
  embed(batch: TokenBatch): Promise<Outcome<Float32Array<ArrayBuffer>>>;
}

/** The models of this deployment. */
export interface EmbeddingModels {
  readonly manifests: readonly ModelManifest[];
  /** Refuses with `unavailable` while the model's file cannot be read. */
  load(manifest: ModelManifest): Promise<Outcome<RunnableModel>>;
}

/** See `findVersion`. Refuses with `model_not_found`, naming the models there are. */
export function findManifest(manifests: readonly ModelManifest[], model: string, contractHash?: string): Outcome<ModelManifest> {
  const manifest = findVersion(manifests, model, contractHash);
  if (manifest !== undefined) return ok(manifest);
  const known = manifests.map(pinnedName).join(', ');
  const message = `there is no model ${JSON.stringify(model)}; there are: ${known}, and those of upstreams (GET /v1/models)`;
  const meant = closestTo(
    model,
    manifests.flatMap((one) => [one.id, pinnedName(one)]),
  );
  return err(withSuggestion(refuseResource('model_not_found', { kind: 'model', name: model }, message, 'model').error, meant));
}
