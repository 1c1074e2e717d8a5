import * as ort from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import { assert } from '../../src/kernel/assert.ts';
import type { OnnxRunner } from '../../src/inference/onnx-encoder.ts';

/** What onnxruntime-web takes for the bytes of its WebAssembly; never compiled. */
const NO_BYTES = new ArrayBuffer(0);

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = NO_BYTES;

/**
 * workerd compiles no WebAssembly at run time, and onnxruntime-web can only be given bytes, which it passes to `WebAssembly.instantiate`.
 * This makes that one call, known by its empty bytes, use the module that was compiled at upload.
 */
const instantiate = WebAssembly.instantiate.bind(WebAssembly);
WebAssembly.instantiate = (async (source: WebAssembly.Module | ArrayBufferView, imports?: WebAssembly.Imports) => {
  const forRuntime = ArrayBuffer.isView(source) && source.buffer === NO_BYTES;
  if (!forRuntime) return instantiate(source, imports);
  return { module: wasm, instance: new WebAssembly.Instance(wasm, imports) };
}) as typeof WebAssembly.instantiate;

/** Starts a session on an ONNX file; the runtime copies the bytes. Throws when the graph is not valid. */
export async function onnxRunner(file: Uint8Array): Promise<OnnxRunner> {
  const session = await ort.InferenceSession.create(file, { executionProviders: ['wasm'] });
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  assert(input !== undefined && output !== undefined, 'the graph has one input and one output');
  return {
    async run(tokenIds, rows, tokens) {
      const answers = await session.run({ [input]: new ort.Tensor('int64', tokenIds, [rows, tokens]) });
      const vectors = answers[output]?.data;
      assert(vectors instanceof Float32Array, 'the graph answers float32');
      return vectors;
    },
  };
}
