import { LIMITS } from '../../../src/contract/limits.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { EmbeddingModels, RunnableModel } from '../../../src/gateway/embedding-models.ts';
import { LoadOnce } from '../../../src/inference/load-once.ts';
import { readModelFile } from '../../../src/inference/model-manifest.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import type { StaticModel } from '../../../src/inference/static-model.ts';
import { openStaticModel } from '../../../src/inference/static-model.ts';
import type { TokenBatch } from '../../../src/inference/token-batch.ts';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { ok } from '../../../src/kernel/result.ts';
import { assetFiles, MODEL_CATALOGUE } from '../../inference/deployed-models.ts';
import { requestWakeUps } from '../../inference/request-wake-ups.ts';

/** The model that the gateway computes itself. */
export const STATIC_MODEL: ModelManifest = must(
  MODEL_CATALOGUE.find(({ runner }) => runner === 'static'),
  'the catalogue has a static model',
);

/**
 * The static model of this isolate, fetched and checked when first used: 6.7 MB that stay, plus 1.1 MB of word table. `onLoaded` receives
 * the duration of each successful load.
 */
export function staticModel(assets: Pick<Fetcher, 'fetch'>, clock: Clock, onLoaded: (loadMs: number) => void): LoadOnce<StaticModel> {
  const load = async (): Promise<Outcome<StaticModel>> => {
    const beganMs = clock.nowMs();
    const file = await readModelFile(assetFiles(assets), STATIC_MODEL);
    if (!file.ok) return file;
    const model = openStaticModel(STATIC_MODEL, file.value);
    // The bytes are the ones the build opened, so they open.
    if (!model.ok) throw new Error(`${STATIC_MODEL.id}: ${model.error.reason}`);
    onLoaded(clock.nowMs() - beganMs);
    return ok(model.value);
  };
  return new LoadOnce(load, { clock, wakeUps: requestWakeUps, retryMs: LIMITS.modelRetryMs });
}

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
