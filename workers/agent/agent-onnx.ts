import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import type { StartGraph } from '../../src/inference/graph-runner.ts';
import type { OrtModule } from '../../src/inference/served/ort-runner.ts';
import { ortStart } from '../../src/inference/served/ort-runner.ts';

/** Which runtime an agent has for ONNX graphs: its own machine's instructions, or WebAssembly as the edge has it. */
export interface AgentOnnx {
  readonly runtime: 'native' | 'wasm';
  readonly start: StartGraph;
}

/**
 * onnxruntime-node where it is installed (it is optional: 113 MB to fetch, 290 MB on disk), else the WebAssembly of the edge in Node.
 * `threads`: of one run of the former.
 */
export async function agentOnnx(threads = 1, prefer: AgentOnnx['runtime'] = 'native'): Promise<AgentOnnx> {
  const native = prefer === 'native' ? await nativeRuntime() : undefined;
  if (native !== undefined) {
    // Memory of a run is used again by the next: asking the system for it anew takes half as long as a run of 1,600 tokens.
    const options = { executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, enableCpuMemArena: true };
    return { runtime: 'native', start: ortStart(withFolders(native), options, 'in-place') };
  }
  const ort = await import('onnxruntime-web/wasm');
  // Its threads are for pages: in Node, and here in a thread already, it runs with one.
  ort.env.wasm.numThreads = 1;
  const bytes = await readFile(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  ort.env.wasm.wasmBinary = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return { runtime: 'wasm', start: ortStart(ort, { executionProviders: ['wasm'] }, 'outside') };
}

/** The native runtime reads constants of other files from where they are beside the graph, while it loads the graph, and not from memory. */
function withFolders({ InferenceSession, Tensor }: OrtModule): OrtModule {
  const create: OrtModule['InferenceSession']['create'] = async (graph, { externalData = [], ...options }) => {
    if (externalData.length === 0) return InferenceSession.create(graph, options);
    const folder = await mkdtemp(join(tmpdir(), 'sluice-graph-'));
    try {
      const file = join(folder, 'graph.onnx');
      await writeFile(file, graph);
      for (const { path, data } of externalData) {
        // `checkGraph` has let no path out of the folder. [M53]
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), data);
      }
      return await InferenceSession.create(file, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return { InferenceSession: { create }, Tensor };
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
