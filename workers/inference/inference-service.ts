import { WorkerEntrypoint } from 'cloudflare:workers';

import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { checkTokenBatch } from '../../src/inference/check-token-batch.ts';
import { ok } from '../../src/kernel/result.ts';
import { assetFiles } from './asset-files.ts';
import type { InferenceEnv } from './env.ts';
import { MODEL_CATALOGUE } from './model-catalogue.ts';
import { OnnxModels } from './onnx-models.ts';
import { onnxRunner } from './onnx-runtime.ts';
import { requestWakeUps } from './request-wake-ups.ts';

/** One per isolate: an entrypoint object lives for one call. */
const loaded = new WeakMap<InferenceEnv, OnnxModels>();

/** What the gateway calls over its service binding. */
export class InferenceService extends WorkerEntrypoint<InferenceEnv> {
  /**
   * Vectors of a token batch (see `TokenBatch`), row-major, one unit or zero row a text.
   * Refuses an unknown model, texts past the model's limits, and token ids outside its vocabulary.
   */
  async embed(
    modelId: string,
    ids: Int32Array<ArrayBuffer>,
    offsets: Int32Array<ArrayBuffer>,
  ): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const model = await this.#models().get(modelId);
    if (!model.ok) return model;
    const checked = checkTokenBatch(model.value.manifest, { ids, offsets });
    return checked.ok ? ok(await model.value.embed({ ids, offsets })) : checked;
  }

  #models(): OnnxModels {
    const known = loaded.get(this.env);
    if (known !== undefined) return known;
    const loading = { clock: { nowMs: () => Date.now() }, wakeUps: requestWakeUps, retryMs: LIMITS.modelRetryMs };
    const models = new OnnxModels(MODEL_CATALOGUE, assetFiles(this.env.ASSETS), onnxRunner, loading);
    loaded.set(this.env, models);
    return models;
  }
}
