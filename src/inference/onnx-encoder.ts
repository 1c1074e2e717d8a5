import { LIMITS } from '../contract/limits.ts';
import type { EmbeddingModel } from './embedding-model.ts';
import { lengthBuckets } from './length-buckets.ts';
import type { ModelManifest } from './model-manifest.ts';
import type { OnnxRunner } from './onnx-runner.ts';
import type { TokenBatch } from './token-batch.ts';

/** An embedding model whose arithmetic an ONNX runtime does. */
export class OnnxEncoder implements EmbeddingModel {
  readonly manifest: ModelManifest;
  readonly #runner: OnnxRunner;

  constructor(manifest: ModelManifest, runner: OnnxRunner) {
    this.manifest = manifest;
    this.#runner = runner;
  }

  async embed({ ids, offsets }: TokenBatch): Promise<Float32Array<ArrayBuffer>> {
    const { dimensions } = this.manifest;
    const vectors = new Float32Array((offsets.length - 1) * dimensions);
    for (const { rows, tokens } of lengthBuckets(offsets, LIMITS.onnxRunTokensMax)) {
      const padded = new BigInt64Array(rows.length * tokens);
      rows.forEach((row, at) => {
        const text = ids.subarray(offsets[row], offsets[row + 1]);
        for (let i = 0; i < text.length; i++) padded[at * tokens + i] = BigInt(text[i]!);
      });
      const answers = await this.#runner.run(padded, rows.length, tokens);
      rows.forEach((row, at) => vectors.set(answers.subarray(at * dimensions, (at + 1) * dimensions), row * dimensions));
    }
    return vectors;
  }
}
