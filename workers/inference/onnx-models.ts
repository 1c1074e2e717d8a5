import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { LoadOnce } from '../../src/inference/load-once.ts';
import type { LoadOnceParts } from '../../src/inference/load-once.ts';
import type { ModelFiles } from '../../src/inference/model-files.ts';
import { readModelFile } from '../../src/inference/model-files.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { OnnxEncoder } from '../../src/inference/onnx-encoder.ts';
import type { OnnxRunner } from '../../src/inference/onnx-runner.ts';
import { ok } from '../../src/kernel/result.ts';

/** Starts a session on the bytes of an ONNX file. */
export type StartRunner = (file: Uint8Array) => Promise<OnnxRunner>;

/**
 * The ONNX models of one isolate, each loaded once when first used. A model of the catalogue stays loaded.
 *
 * Memory of the isolate, of 128 MB: the compiled runtime 14 MB; its linear memory 32 MB with the default model in it, 38 MB once it has run
 * `onnxRunTokensMax` tokens (measured; it never shrinks); the model's bytes another 7 MB while it loads; a call's ids and vectors 4 MB.
 */
export class OnnxModels {
  readonly #files: ModelFiles;
  readonly #start: StartRunner;
  /** By model id. */
  readonly #models: ReadonlyMap<string, LoadOnce<OnnxEncoder>>;

  constructor(catalogue: readonly ModelManifest[], files: ModelFiles, start: StartRunner, loading: LoadOnceParts) {
    this.#files = files;
    this.#start = start;
    const models = catalogue.filter(({ runner }) => runner === 'onnx');
    this.#models = new Map(models.map((manifest) => [manifest.id, new LoadOnce(() => this.#load(manifest), loading)]));
  }

  /** Refuses `model_not_found`, or `unavailable` while the model's files cannot be read. */
  async get(modelId: string): Promise<Outcome<OnnxEncoder>> {
    const model = this.#models.get(modelId);
    return model === undefined ? refuse('model_not_found', `no ONNX model is called ${JSON.stringify(modelId)}`, 'model') : model.get();
  }

  async #load(manifest: ModelManifest): Promise<Outcome<OnnxEncoder>> {
    const file = await readModelFile(this.#files, manifest);
    if (!file.ok) return file;
    return ok(new OnnxEncoder(manifest, await this.#start(file.value)));
  }
}
