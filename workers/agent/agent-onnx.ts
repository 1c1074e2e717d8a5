import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type { StartGraph } from '../../src/inference/served/graph-runner.ts';
import type { OrtModule } from '../../src/inference/served/ort-runner.ts';
import { ortStart } from '../../src/inference/served/ort-runner.ts';

/** Which runtime an agent has for ONNX graphs: its own machine's instructions, or WebAssembly as the edge has it. */
export interface AgentOnnx {
  readonly runtime: 'native' | 'wasm';
  readonly start: StartGraph;
}

/**
 * onnxruntime-node where it is installed (it is optional: 113 MB to fetch, 290 MB on disk), else the WebAssembly of the edge in Node.
 * `threads`: of one run.
 */
export async function agentOnnx(threads = 1, prefer: AgentOnnx['runtime'] = 'native'): Promise<AgentOnnx> {
  const native = prefer === 'native' ? await nativeRuntime() : undefined;
  if (native !== undefined) {
    const options = { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1 };
    return { runtime: 'native', start: ortStart(native, options, 'inside') };
  }
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = threads;
  const bytes = await readFile(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  ort.env.wasm.wasmBinary = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return { runtime: 'wasm', start: ortStart(ort, { executionProviders: ['wasm'] }, 'outside') };
}

async function nativeRuntime(): Promise<OrtModule | undefined> {
  // The name is no literal, so that the types and the bundler do not need a package that is optional.
  const name = 'onnxruntime-node';
  try {
    return ((await import(name)) as { default: OrtModule }).default;
  } catch {
    return undefined;
  }
}
