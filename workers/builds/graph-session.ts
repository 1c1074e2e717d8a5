import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import * as ort from 'onnxruntime-web/wasm';

import type { GraphTensor } from '../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE } from '../../src/inference/build/graph/onnx-graph.ts';

/** Values of a graph's inputs or outputs, by name. */
export type Feeds = Readonly<Record<string, GraphTensor>>;

/** A graph ready to run, on the runtime that serves it at the edge. */
export interface GraphSession {
  readonly inputs: readonly string[];
  run(feeds: Feeds): Promise<Feeds>;
  close(): Promise<void>;
}

const TYPES = {
  [DATA_TYPE.float32]: 'float32',
  [DATA_TYPE.int32]: 'int32',
  [DATA_TYPE.int64]: 'int64',
  [DATA_TYPE.uint8]: 'uint8',
} as const;
const CONSTRUCTORS = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array } as const;
type TypeName = keyof typeof CONSTRUCTORS;

/** Starts a graph on onnxruntime-web (WASM, one thread). Throws, with the runtime's reason, when it cannot run the graph. */
export async function startGraph(file: Uint8Array): Promise<GraphSession> {
  const session = await (await runtime()).InferenceSession.create(file, { executionProviders: ['wasm'], logSeverityLevel: 4 });
  return {
    inputs: session.inputNames,
    async run(feeds) {
      const answers = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)])));
      return Object.fromEntries(Object.entries(answers).map(([name, tensor]) => [name, fromOrt(tensor)]));
    },
    close: () => session.release(),
  };
}

async function runtime(): Promise<typeof ort> {
  if (ort.env.wasm.wasmBinary !== undefined) return ort;
  const wasm = await readFile(fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = new Uint8Array(wasm).buffer;
  ort.env.logLevel = 'fatal';
  return ort;
}

function toOrt({ dataType, dims, bytes }: GraphTensor): ort.Tensor {
  const type: TypeName | undefined = TYPES[dataType as keyof typeof TYPES];
  if (type === undefined) throw new Error(`inputs of type ${dataType} are not supported`);
  return new ort.Tensor(type, new CONSTRUCTORS[type](bytes.slice().buffer), dims);
}

function fromOrt({ type, data, dims }: ort.Tensor): GraphTensor {
  const dataType = Object.entries(TYPES).find(([, name]) => name === type)?.[0];
  if (dataType === undefined || !ArrayBuffer.isView(data)) throw new Error(`outputs of type ${type} are not supported`);
  return { dataType: Number(dataType), dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
