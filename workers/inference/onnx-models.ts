import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { LoadOnce } from '../../src/inference/load-once.ts';
import type { ModelFiles } from '../../src/inference/model-files.ts';
import { readCatalogue, readModelFile } from '../../src/inference/model-files.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { OnnxEncoder } from '../../src/inference/onnx-encoder.ts';
import type { OnnxRunner } from '../../src/inference/onnx-runner.ts';
import { ok } from '../../src/kernel/result.ts';

/** Starts a session on the bytes of an ONNX file. */
export type StartRunner = (file: Uint8Array) => Promise<OnnxRunner>;

/**
 * The ONNX models of one isolate, each loaded once when first used. A model of the catalogue stays loaded.
 *
 * Memory of the isolate, of 128 MB: compiled runtime 14 MB, its linear memory 16 MB at the start, the default model 7 MB in it and, while
 * it loads, 2 x 7 MB beside it; a run of `onnxRunTokensMax` tokens 15 MB.
 */
export class OnnxModels {
  readonly #files: ModelFiles;
  readonly #start: StartRunner;
  readonly #catalogue: LoadOnce<readonly ModelManifest[]>;
  /** Only ids of the catalogue enter, so it cannot grow past it. */
  readonly #models = new Map<string, LoadOnce<OnnxEncoder>>();

  constructor(files: ModelFiles, start: StartRunner) {
    this.#files = files;
    this.#start = start;
    this.#catalogue = new LoadOnce(() => readCatalogue(files));
  }

  /** Refuses `model_not_found`, or `unavailable` while the model's files cannot be read. */
  async get(modelId: string): Promise<Outcome<OnnxEncoder>> {
    const catalogue = await this.#catalogue.get();
    if (!catalogue.ok) return catalogue;
    const manifest = catalogue.value.find(({ id, runner }) => id === modelId && runner === 'onnx');
    if (manifest === undefined) return refuse('model_not_found', `no ONNX model is called ${JSON.stringify(modelId)}`, 'model');
    let model = this.#models.get(modelId);
    if (model === undefined) {
      model = new LoadOnce(() => this.#load(manifest));
      this.#models.set(modelId, model);
    }
    return model.get();
  }

  async #load(manifest: ModelManifest): Promise<Outcome<OnnxEncoder>> {
    const file = await readModelFile(this.#files, manifest);
    if (!file.ok) return file;
    return ok(new OnnxEncoder(manifest, await this.#start(file.value)));
  }
}
