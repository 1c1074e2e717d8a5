import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import type { LoadOnceParts } from '../../src/inference/load-once.ts';
import { LoadOnce } from '../../src/inference/load-once.ts';
import type { ModelFiles, ModelManifest } from '../../src/inference/model-manifest.ts';
import { findVersion, readModelFile } from '../../src/inference/model-manifest.ts';
import { OnnxEncoder } from '../../src/inference/onnx-encoder.ts';
import type { GraphRunner, StartGraph } from '../../src/inference/graph-runner.ts';
import { assert } from '../../src/kernel/assert.ts';
import { ok } from '../../src/kernel/result.ts';

interface Loaded {
  readonly encoder: OnnxEncoder;
  readonly runner: GraphRunner;
}

/**
 * The ONNX models of one isolate that the deployment brings along, each loaded once when first used. A model of the catalogue stays loaded,
 * unless a run that found no room took its memory.
 *
 * Memory of the isolate, of 128 MB: the compiled runtime 14 MB; its linear memory `runtimeBytesMax` at most, registered models included,
 * of which the default model takes 16 MB, and 22 MB once it has run `onnxRunTokensMax` tokens (measured; it never shrinks); the snapshot of
 * that memory 5 MB (measured); the bytes of a model while it loads, with the linear memory `modelLoadBytesMax`; the rest is for tokenisers, and for the texts
 * and vectors of calls.
 */
export class OnnxModels {
  readonly #files: ModelFiles;
  readonly #start: StartGraph;
  readonly #catalogue: readonly ModelManifest[];
  readonly #models: ReadonlyMap<ModelManifest, LoadOnce<Loaded>>;

  constructor(catalogue: readonly ModelManifest[], files: ModelFiles, start: StartGraph, loading: LoadOnceParts) {
    this.#files = files;
    this.#start = start;
    this.#catalogue = catalogue.filter(({ runner }) => runner === 'onnx');
    const load = (manifest: ModelManifest) =>
      new LoadOnce(
        () => this.#load(manifest),
        loading,
        ({ runner }) => !runner.isLost,
      );
    this.#models = new Map(this.#catalogue.map((manifest) => [manifest, load(manifest)]));
  }

  /** Refuses `model_not_found`, or `unavailable` while the model's files cannot be read. */
  async get(name: string): Promise<Outcome<OnnxEncoder>> {
    const manifest = findVersion(this.#catalogue, name);
    const model = manifest === undefined ? undefined : this.#models.get(manifest);
    if (model === undefined) return refuse('model_not_found', `no ONNX model is called ${JSON.stringify(name)}`, 'model');
    const loaded = await model.get();
    return loaded.ok ? ok(loaded.value.encoder) : loaded;
  }

  async #load(manifest: ModelManifest): Promise<Outcome<Loaded>> {
    const file = await readModelFile(this.#files, manifest);
    if (!file.ok) return file;
    const runner = await this.#start({ graph: file.value, external: new Map() });
    // The file is the one that the build has run: what is missing is room beside registered models.
    if (!runner.ok) return refuse('unavailable', `the runtime has no room for ${manifest.id} now`);
    return ok({ runner: runner.value, encoder: new OnnxEncoder(manifest, { run: vectorsOf(runner.value) }) });
  }
}

/** The graphs of the build map `token_ids` to `vectors`. */
const vectorsOf =
  (runner: GraphRunner) =>
  async (tokenIds: BigInt64Array<ArrayBuffer>, rows: number, tokens: number): Promise<Float32Array> => {
    const answer = await runner.run([{ name: 'token_ids', type: 'int64', shape: [rows, tokens], data: tokenIds }], ['embeddings']);
    const vectors = answer.ok ? answer.value[0]?.data : undefined;
    assert(vectors instanceof Float32Array, 'the graph answers float32');
    return vectors;
  };
