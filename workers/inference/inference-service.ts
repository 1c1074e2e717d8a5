import { WorkerEntrypoint } from 'cloudflare:workers';

import { systemTimer } from '../../durable-objects/system-timer.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import type { StatedReading } from '../../src/inference/folder/read-model-folder.ts';
import type { LoadOnceParts } from '../../src/inference/load-once.ts';
import { LoadOnce } from '../../src/inference/load-once.ts';
import type { ModelFiles, ModelManifest } from '../../src/inference/model-manifest.ts';
import { findVersion, readModelFile } from '../../src/inference/model-manifest.ts';
import type { OnnxRunner } from '../../src/inference/onnx-encoder.ts';
import { OnnxEncoder } from '../../src/inference/onnx-encoder.ts';
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
import { onnxRunner, startGraph } from './onnx-runtime.ts';
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
    const builtIn = new OnnxModels(MODEL_CATALOGUE, assetFiles(this.env.ASSETS), onnxRunner, loading);
    const models = { builtIn, registered: new ModelHost({ ...loading, bucket: modelBucket(this.env.FILES), start: startGraph }) };
    loaded.set(this.env, models);
    return models;
  }
}

/** Starts a session on the bytes of an ONNX file. */
type StartRunner = (file: Uint8Array) => Promise<OnnxRunner>;

/**
 * The ONNX models of one isolate, each loaded once when first used. A model of the catalogue stays loaded.
 *
 * Memory of the isolate, of 128 MB: the compiled runtime 14 MB; its linear memory `runtimeBytesMax` at most, registered models included,
 * of which the default model takes 16 MB, and 22 MB once it has run `onnxRunTokensMax` tokens (measured; it never shrinks); the bytes of a
 * model while it loads, `graphBytesMax` at most; the rest is for tokenisers, and for the texts and vectors of calls.
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
    try {
      return ok(new OnnxEncoder(manifest, await this.#start(file.value)));
    } catch {
      // The file is the one that the build has run: what is missing is room beside registered models.
      return refuse('unavailable', `the runtime has no room for ${manifest.id} now`);
    }
  }
}
