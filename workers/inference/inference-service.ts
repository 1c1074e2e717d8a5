import { WorkerEntrypoint } from 'cloudflare:workers';

import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import type { LoadOnceParts } from '../../src/inference/load-once.ts';
import { LoadOnce } from '../../src/inference/load-once.ts';
import type { ModelFiles, ModelManifest } from '../../src/inference/model-manifest.ts';
import { findVersion, readModelFile } from '../../src/inference/model-manifest.ts';
import type { OnnxRunner } from '../../src/inference/onnx-encoder.ts';
import { OnnxEncoder } from '../../src/inference/onnx-encoder.ts';
import { checkTokenBatch } from '../../src/inference/token-batch.ts';
import { ok } from '../../src/kernel/result.ts';
import { assetFiles, MODEL_CATALOGUE } from './deployed-models.ts';
import { onnxRunner } from './onnx-runtime.ts';
import { requestWakeUps } from './request-wake-ups.ts';

/** Bindings of the inference Worker: its wrangler.toml, as types. */
export interface InferenceEnv {
  readonly ASSETS: Fetcher;
}

/** One per isolate: an entrypoint object lives for one call. */
const loaded = new WeakMap<InferenceEnv, OnnxModels>();

/** What the gateway calls over its service binding. */
export class InferenceService extends WorkerEntrypoint<InferenceEnv> {
  /**
   * Vectors of a token batch (see `TokenBatch`), row-major, one unit or zero row a text.
   * Refuses an unknown model, texts past the model's limits, and token ids outside its vocabulary.
   */
  async embed(model: string, ids: Int32Array<ArrayBuffer>, offsets: Int32Array<ArrayBuffer>): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const encoder = await this.#models().get(model);
    if (!encoder.ok) return encoder;
    const checked = checkTokenBatch(encoder.value.manifest, { ids, offsets });
    return checked.ok ? ok(await encoder.value.embed({ ids, offsets })) : checked;
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

/** Starts a session on the bytes of an ONNX file. */
type StartRunner = (file: Uint8Array) => Promise<OnnxRunner>;

/**
 * The ONNX models of one isolate, each loaded once when first used. A model of the catalogue stays loaded.
 *
 * Memory of the isolate, of 128 MB: the compiled runtime 14 MB; its linear memory 32 MB with the default model in it, 38 MB once it has run
 * `onnxRunTokensMax` tokens (measured; it never shrinks); the model's bytes another 7 MB while it loads; a call's ids and vectors 4 MB.
 */
class OnnxModels {
  readonly #files: ModelFiles;
  readonly #start: StartRunner;
  readonly #catalogue: readonly ModelManifest[];
  readonly #models: ReadonlyMap<ModelManifest, LoadOnce<OnnxEncoder>>;

  constructor(catalogue: readonly ModelManifest[], files: ModelFiles, start: StartRunner, loading: LoadOnceParts) {
    this.#files = files;
    this.#start = start;
    this.#catalogue = catalogue.filter(({ runner }) => runner === 'onnx');
    this.#models = new Map(this.#catalogue.map((manifest) => [manifest, new LoadOnce(() => this.#load(manifest), loading)]));
  }

  /** Refuses `model_not_found`, or `unavailable` while the model's files cannot be read. */
  async get(name: string): Promise<Outcome<OnnxEncoder>> {
    const manifest = findVersion(this.#catalogue, name);
    const model = manifest === undefined ? undefined : this.#models.get(manifest);
    return model === undefined ? refuse('model_not_found', `no ONNX model is called ${JSON.stringify(name)}`, 'model') : model.get();
  }

  async #load(manifest: ModelManifest): Promise<Outcome<OnnxEncoder>> {
    const file = await readModelFile(this.#files, manifest);
    if (!file.ok) return file;
    return ok(new OnnxEncoder(manifest, await this.#start(file.value)));
  }
}
