import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-web/wasm';
import { beforeAll, expect, it } from 'vitest';
import { OnnxEncoder } from '../../../src/inference/onnx-encoder.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { defaultModel, manifestOf, modelFile } from '../../support/fixtures/default-model.ts';

const { tokeniser, encoder } = defaultModel;
const { dimensions } = encoder.manifest;
let twin: OnnxEncoder;

beforeAll(async () => {
  const wasm = await readFile(fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm.buffer;
  const session = await ort.InferenceSession.create(modelFile, { executionProviders: ['wasm'] });
  twin = new OnnxEncoder(manifestOf('onnx'), {
    run: async (ids, rows, tokens) => {
      const { embeddings } = await session.run({ token_ids: new ort.Tensor('int64', ids, [rows, tokens]) });
      return embeddings!.data as Float32Array;
    },
  });
});

/** The lowest cosine between the two encoders' vectors, and the number of texts without a known word. */
async function compare(texts: readonly string[]): Promise<{ cosineMin: number; zero: number }> {
  const batch = tokenBatch(texts.map((text) => tokeniser.tokenise(text).ids));
  const left = encoder.embed(batch);
  const right = await twin.embed(batch);
  let cosineMin = 1;
  let zero = 0;
  for (let row = 0; row < texts.length; row++) {
    const [x, y] = [left, right].map((vectors) => vectors.subarray(row * dimensions, (row + 1) * dimensions)) as [
      Float32Array,
      Float32Array,
    ];
    if (x.every((value) => value === 0) && y.every((value) => value === 0)) zero++;
    else cosineMin = Math.min(cosineMin, cosine(x, y));
  }
  return { cosineMin, zero };
}

/** NaN if any component is NaN or if exactly one vector is zero; no threshold accepts NaN. */
function cosine(x: Float32Array, y: Float32Array): number {
  let [xy, xx, yy] = [0, 0, 0];
  for (let d = 0; d < x.length; d++) {
    xy += x[d]! * y[d]!;
    xx += x[d]! * x[d]!;
    yy += y[d]! * y[d]!;
  }
  return xy / Math.sqrt(xx * yy);
}

it('[M12] agrees on 10,000 definitions', async () => {
  const glosses = (await readSynsets('data.verb')).slice(0, 10_000).map((synset) => synset.gloss);
  const { cosineMin, zero } = await compare(glosses);
  expect(glosses).toHaveLength(10_000);
  expect(zero).toBeLessThan(10);
  expect(cosineMin).toBeGreaterThanOrEqual(0.9999);
  console.log(`10,000 glosses: lowest cosine ${cosineMin}`);
});

it('[M12] agrees on texts without a known word, and on what no text is', async () => {
  const unknown = [
    '   ',
    '\ud83d\ude00',
    '\u65e5\u672c\u8a9e',
    'zzqx vvkw qqjj',
    '1234 5678',
    '\ud800',
    '\u65e5'.repeat(8192),
    'zzqx '.repeat(8000),
  ];
  const { cosineMin, zero } = await compare(unknown);
  expect(zero).toBe(0);
  expect(cosineMin).toBeGreaterThanOrEqual(0.9999);
  expect(await compare([''])).toEqual({ cosineMin: 1, zero: 1 });
});

it('[M12] agrees on long and mixed texts', async () => {
  const long = 'a river town known for its well-kept gardens, '.repeat(200).slice(0, 8192);
  const mixed = [long, 'music \u65e5\u672c\u8a9e', 'caf\u00e9 \ud83d\ude00 it\u2019s', 'zzqx river', long.slice(0, 4000), 'river'];
  const { cosineMin, zero } = await compare(mixed);
  expect(zero).toBe(0);
  expect(cosineMin).toBeGreaterThanOrEqual(0.9999);
});
