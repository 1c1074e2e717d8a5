import * as ort from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';

import { LIMITS } from '../../src/contract/limits.ts';
import { assert } from '../../src/kernel/assert.ts';
import type { OnnxRunner } from '../../src/inference/onnx-encoder.ts';
import { ortStart } from '../../src/inference/served/ort-runner.ts';

/** What onnxruntime-web takes for the bytes of its WebAssembly; never compiled. */
const NO_BYTES = new ArrayBuffer(0);
const PAGE_BYTES = 65_536;

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

/**
 * The runtime asks for a memory of up to 4 GB; it gets one that cannot outgrow the isolate. An allocation that finds no room fails inside
 * the runtime, which refuses that graph or that run and goes on. Nothing else could: what a graph needs cannot be read from its file. [M54]
 */
const Memory = WebAssembly.Memory;
WebAssembly.Memory = class extends Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super({ ...descriptor, maximum: Math.min(descriptor.maximum ?? Infinity, LIMITS.runtimeBytesMax / PAGE_BYTES) });
  }
};

/** Starts sessions of registered models. */
export const startGraph = ortStart(ort, { executionProviders: ['wasm'] }, 'outside');

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
