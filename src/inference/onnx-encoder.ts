import { MODEL_LIMITS } from '../contract/models/model-limits.ts';
import { assert } from '../kernel/assert.ts';
import type { EmbeddingModel } from './embedding-model.ts';
import type { ModelManifest } from './model-manifest.ts';
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
    for (const { rows, tokens } of lengthBuckets(offsets, MODEL_LIMITS.onnxRunTokensMax)) {
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

/** One loaded ONNX graph that maps `token_ids` int64 [rows, tokens], padded with 0, to vectors float32 [rows, dimensions]. */
export interface OnnxRunner {
  run(tokenIds: BigInt64Array<ArrayBuffer>, rows: number, tokens: number): Promise<Float32Array>;
}

/** Texts that run together, each padded to `tokens`. */
export interface LengthBucket {
  readonly rows: readonly number[];
  readonly tokens: number;
}

/** Below this length padding is cheaper than another run. */
const PADDING_FREE_TOKENS = 8;

/**
 * Groups the texts of `offsets` (as in `TokenBatch`) so that no run exceeds `paddedTokensMax` tokens, padding included, and no text is
 * padded to more than twice its length (or to 8). Empty texts are in no bucket: their vector is zero.
 */
export function lengthBuckets(offsets: Int32Array, paddedTokensMax: number): LengthBucket[] {
  const lengthOf = (row: number) => offsets[row + 1]! - offsets[row]!;
  const rows = Array.from({ length: offsets.length - 1 }, (_, row) => row)
    .filter((row) => lengthOf(row) > 0)
    .toSorted((a, b) => lengthOf(a) - lengthOf(b));
  const buckets: { rows: number[]; tokens: number }[] = [];
  for (const row of rows) {
    const tokens = lengthOf(row);
    assert(tokens <= paddedTokensMax, 'a text that fits a run by itself');
    const last = buckets.at(-1);
    const shortest = last === undefined ? 0 : lengthOf(last.rows[0]!);
    const fits = last !== undefined && (last.rows.length + 1) * tokens <= paddedTokensMax;
    if (fits && tokens <= Math.max(PADDING_FREE_TOKENS, 2 * shortest)) {
      last.rows.push(row);
      last.tokens = tokens;
    } else buckets.push({ rows: [row], tokens });
  }
  return buckets;
}
