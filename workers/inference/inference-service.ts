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
    const loading = this.#models().get(modelId);
    // Others may have joined this load: it must outlive this call.
    this.ctx.waitUntil(loading);
    const model = await loading;
    if (!model.ok) return model;
    const checked = checkTokenBatch(model.value.manifest, { ids, offsets });
    return checked.ok ? ok(await model.value.embed({ ids, offsets })) : checked;
  }

  #models(): OnnxModels {
    const known = loaded.get(this.env);
    if (known !== undefined) return known;
    const pause = { clock: { nowMs: () => Date.now() }, ms: LIMITS.modelRetryMs };
    const models = new OnnxModels(MODEL_CATALOGUE, assetFiles(this.env.ASSETS), onnxRunner, pause);
    loaded.set(this.env, models);
    return models;
  }
}
