import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import { pinnedName } from '../../../../src/contract/api/model-name.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { EmbeddingModels, RunnableModel } from '../../../../src/gateway/embeddings/embedding-models.ts';
import { LoadOnce } from '../../../../src/inference/load-once.ts';
import { readModelFile } from '../../../../src/inference/model-manifest.ts';
import type { ModelManifest } from '../../../../src/inference/model-manifest.ts';
import type { StaticModel } from '../../../../src/inference/static/static-model.ts';
import { staticModelInSteps } from '../../../../src/inference/static/static-model.ts';
import type { TokenBatch } from '../../../../src/inference/token-batch.ts';
import { systemTimer } from '../../../../durable-objects/system-time.ts';
import { inTurns } from '../../../../src/kernel/timer.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { assetFiles, MODEL_CATALOGUE, STATIC_MODEL } from '../../../inference/deployed-models.ts';
import { requestWakeUps } from '../../../inference/request-wake-ups.ts';

/**
 * A static model in this isolate, fetched and checked when first used. What stays of the default is 7.9 MB of file and 0.5 MB of tables; of
 * others, loaded only where an index or a request names them, 15.3 MB and 1.5 MB (`glove-sif-100@2`), 6.7 MB and 1.0 MB (`glove-sif-100@1`), 21.8 MB
 * and 1.8 MB (`multilingual-e5-static-256`).
 * `onLoaded` receives the duration of each successful load.
 */
export function staticModel(
  assets: Pick<Fetcher, 'fetch'>,
  clock: Clock,
  onLoaded: (loadMs: number) => void,
  manifest = STATIC_MODEL,
): LoadOnce<StaticModel> {
  const load = async (): Promise<Outcome<StaticModel>> => {
    const beganMs = clock.nowMs();
    const file = await readModelFile(assetFiles(assets), manifest);
    if (!file.ok) return file;
    const model = await inTurns(staticModelInSteps(manifest, file.value), systemTimer);
    // The bytes are the ones the build opened, so they open.
    if (!model.ok) throw new Error(`${pinnedName(manifest)}: ${model.error.reason}`);
    onLoaded(clock.nowMs() - beganMs);
    return ok(model.value);
  };
  return new LoadOnce(load, { clock, wakeUps: requestWakeUps, retryMs: MODEL_LIMITS.modelRetryMs });
}

/** What the inference Worker does over its binding; see `InferenceService`. */
export interface InferenceBinding {
  embed(model: string, ids: Int32Array<ArrayBuffer>, offsets: Int32Array<ArrayBuffer>): Promise<Outcome<Float32Array<ArrayBuffer>>>;
}

/** Static models run here; ONNX models on the inference Worker, with their texts tokenised here. */
export class DeployedModels implements EmbeddingModels {
  readonly manifests = MODEL_CATALOGUE;
  /** By the hash of the file: both runners read the one file, and so share its tokeniser. */
  readonly #staticModels: ReadonlyMap<string, LoadOnce<StaticModel>>;
  readonly #inference: InferenceBinding;

  constructor(load: (manifest: ModelManifest) => LoadOnce<StaticModel>, inference: InferenceBinding) {
    const models = MODEL_CATALOGUE.filter(({ runner }) => runner === 'static');
    this.#staticModels = new Map(models.map((manifest) => [manifest.file.sha256, load(manifest)]));
    this.#inference = inference;
  }

  async load(manifest: ModelManifest): Promise<Outcome<RunnableModel>> {
    const model = await must(this.#staticModels.get(manifest.file.sha256), 'every file has a static model').get();
    if (!model.ok) return model;
    const { tokeniser, encoder } = model.value;
    const run = manifest.runner === 'static' ? async (batch: TokenBatch) => ok(encoder.embed(batch)) : this.#remotely(manifest);
    return ok({ manifest, tokeniser, embed: run });
  }

  #remotely(manifest: ModelManifest): RunnableModel['embed'] {
    const name = pinnedName(manifest);
    return async ({ ids, offsets }) => {
      try {
        return await this.#inference.embed(name, ids, offsets);
      } catch {
        return refuse('unavailable', `the model ${name} cannot be reached`);
      }
    };
  }
}
