import type * as Ort from 'onnxruntime-web';
import type { OnnxRunner } from '../../src/inference/onnx-encoder.ts';
import { EdgeError } from './edge-error.ts';
import type { GraphDevice } from './runtimes.ts';
import { RUNTIMES } from './runtimes.ts';

export const hasWebGpu = (): boolean => 'gpu' in navigator && 'Suspending' in WebAssembly;

/** Loads onnxruntime; `folder` has its files. */
export async function startRuntime(device: GraphDevice, folder: string): Promise<typeof Ort> {
  if (device === 'webgpu' && !hasWebGpu())
    throw new EdgeError('unsupported', 'this browser has no WebGPU, or no WebAssembly that suspends');
  const { module, wasm } = RUNTIMES[device];
  const ort = (await import(/* @vite-ignore */ folder + module)) as typeof Ort;
  // Threads need a page that is isolated from others, which few are.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: folder + wasm };
  return ort;
}

/** Starts onnxruntime on the bytes of an ONNX file; `folder` has the files of the runtime. Throws what it says of a graph that it cannot run. */
export async function graphRunner(device: GraphDevice, folder: string, file: Uint8Array): Promise<OnnxRunner> {
  const ort = await startRuntime(device, folder);
  // Errors alone: a warning would be that parts of a graph run on the processor after all.
  const session = await ort.InferenceSession.create(file, { executionProviders: [device], logSeverityLevel: 3 });
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  if (input === undefined || output === undefined) throw new EdgeError('unsupported', 'the graph has no input, or no output');
  return {
    async run(tokenIds, rows, tokens) {
      const answers = await session.run({ [input]: new ort.Tensor('int64', tokenIds, [rows, tokens]) });
      const vectors = await answers[output]?.getData();
      if (!(vectors instanceof Float32Array)) throw new EdgeError('unsupported', 'the graph does not answer float32');
      return vectors;
    },
  };
}
