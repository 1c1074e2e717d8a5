import { WorkerEntrypoint } from 'cloudflare:workers';

import { systemTimer } from '../../durable-objects/system-timer.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import type { StatedReading } from '../../src/inference/folder/read-model-folder.ts';
import type {
  Classes,
  EmbeddedTexts,
  FolderReading,
  InputType,
  ModelCalls,
  Scores,
  TextOptions,
  Verified,
} from '../../src/inference/served/model-calls.ts';
import { ModelHost } from '../../src/inference/served/model-host.ts';
import type { ModelRef, ServedFile } from '../../src/inference/served/served-manifest.ts';
import type { NamedTensor } from '../../src/inference/served/tensor.ts';
import { checkTokenBatch } from '../../src/inference/token-batch.ts';
import { ok } from '../../src/kernel/result.ts';
import { assetFiles, MODEL_CATALOGUE } from './deployed-models.ts';
import { modelBucket } from './model-files.ts';
import { startGraph } from './onnx-runtime.ts';
import { OnnxModels } from './onnx-models.ts';
import { requestWakeUps } from './request-wake-ups.ts';

/** Bindings of the inference Worker: its wrangler.toml, as types. */
export interface InferenceEnv {
  readonly ASSETS: Fetcher;
  /** Where the files of registered models are, with those of tenants. */
  readonly FILES: R2Bucket;
}

/** One per isolate: an entrypoint object lives for one call. */
const loaded = new WeakMap<InferenceEnv, { readonly builtIn: OnnxModels; readonly registered: ModelHost }>();

/** What the gateway and the control Worker call over their service bindings. */
export class InferenceService extends WorkerEntrypoint<InferenceEnv> implements ModelCalls {
  /**
   * Vectors of a token batch (see `TokenBatch`), row-major, one unit or zero row a text.
   * Refuses an unknown model, texts past the model's limits, and token ids outside its vocabulary.
   */
  async embed(model: string, ids: Int32Array<ArrayBuffer>, offsets: Int32Array<ArrayBuffer>): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const encoder = await this.#models().builtIn.get(model);
    if (!encoder.ok) return encoder;
    const checked = checkTokenBatch(encoder.value.manifest, { ids, offsets });
    return checked.ok ? ok(await encoder.value.embed({ ids, offsets })) : checked;
  }

  readFolder(owner: string, files: readonly ServedFile[], stated?: StatedReading): Promise<Outcome<FolderReading>> {
    return this.#models().registered.readFolder(owner, files, stated);
  }

  verify(ref: ModelRef): Promise<Outcome<Verified>> {
    return this.#models().registered.verify(ref);
  }

  embedTexts(
    ref: ModelRef,
    texts: readonly string[],
    inputType: InputType | undefined,
    options?: TextOptions,
  ): Promise<Outcome<EmbeddedTexts>> {
    return this.#models().registered.embedTexts(ref, texts, inputType, options);
  }

  score(ref: ModelRef, query: string, documents: readonly string[], options?: TextOptions): Promise<Outcome<Scores>> {
    return this.#models().registered.score(ref, query, documents, options);
  }

  classify(ref: ModelRef, texts: readonly string[], options?: TextOptions): Promise<Outcome<Classes>> {
    return this.#models().registered.classify(ref, texts, options);
  }

  infer(ref: ModelRef, inputs: readonly NamedTensor[], outputs?: readonly string[]): Promise<Outcome<readonly NamedTensor[]>> {
    return this.#models().registered.infer(ref, inputs, outputs);
  }

  #models() {
    const known = loaded.get(this.env);
    if (known !== undefined) return known;
    const loading = { clock: { nowMs: () => Date.now() }, timer: systemTimer, wakeUps: requestWakeUps, retryMs: LIMITS.modelRetryMs };
    const builtIn = new OnnxModels(MODEL_CATALOGUE, assetFiles(this.env.ASSETS), startGraph, loading);
    const models = {
      builtIn,
      registered: new ModelHost({ ...loading, bucket: modelBucket(this.env.FILES), start: startGraph, isShared: true }),
    };
    loaded.set(this.env, models);
    return models;
  }
}
