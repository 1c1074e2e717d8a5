import { refuse } from '../../../src/contract/outcome.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { EmbeddingModels, RunnableModel } from '../../../src/gateway/embedding-models.ts';
import type { LoadOnce } from '../../../src/inference/load-once.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import type { StaticModel } from '../../../src/inference/static-model.ts';
import type { TokenBatch } from '../../../src/inference/token-batch.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { ok } from '../../../src/kernel/result.ts';
import { MODEL_CATALOGUE } from '../../inference/model-catalogue.ts';
import { STATIC_MODEL } from './static-model.ts';

/** What the inference Worker does over its binding; see `InferenceService`. */
export interface InferenceBinding {
  embed(modelId: string, ids: Int32Array<ArrayBuffer>, offsets: Int32Array<ArrayBuffer>): Promise<Outcome<Float32Array<ArrayBuffer>>>;
}

/** Static models run here; ONNX models on the inference Worker, with their texts tokenised here. */
export class DeployedModels implements EmbeddingModels {
  readonly manifests = MODEL_CATALOGUE;
  readonly #staticModel: LoadOnce<StaticModel>;
  readonly #inference: InferenceBinding;

  constructor(model: LoadOnce<StaticModel>, inference: InferenceBinding) {
    this.#staticModel = model;
    this.#inference = inference;
  }

  async load(manifest: ModelManifest): Promise<Outcome<RunnableModel>> {
    assert(manifest.file.sha256 === STATIC_MODEL.file.sha256, 'both runners read the one file, and so share its tokeniser');
    const model = await this.#staticModel.get();
    if (!model.ok) return model;
    const { tokeniser, encoder } = model.value;
    const run = manifest.runner === 'static' ? async (batch: TokenBatch) => ok(encoder.embed(batch)) : this.#remotely(manifest);
    return ok({ manifest, tokeniser, embed: run });
  }

  #remotely({ id }: ModelManifest): RunnableModel['embed'] {
    return async ({ ids, offsets }) => {
      try {
        return await this.#inference.embed(id, ids, offsets);
      } catch {
        return refuse('unavailable', `the model ${id} cannot be reached`);
      }
    };
  }
}
