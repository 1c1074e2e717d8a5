import * as ort from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';

import { must } from '../../src/kernel/assert.ts';
import type { StartGraph } from '../../src/inference/graph-runner.ts';
import type { RestorableMemory } from '../../src/inference/served/ort-runner.ts';
import type { ModelRoom } from '../../src/inference/served/model-room.ts';
import { EDGE_ROOM } from '../../src/inference/served/model-room.ts';
import { ortStart } from '../../src/inference/served/ort-runner.ts';
import { RuntimeMemory } from './runtime-memory.ts';

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
let room = EDGE_ROOM;
let memory: WebAssembly.Memory | undefined;
WebAssembly.Memory = new Proxy(Memory, {
  construct(_, [descriptor]: [WebAssembly.MemoryDescriptor]) {
    const maximum = descriptor.maximum ?? Infinity;
    const pagesMax = room.runtimeBytesMax / PAGE_BYTES;
    const made = new Memory({ ...descriptor, maximum: Math.min(maximum, pagesMax) });
    // What asks for less tries what the platform can do.
    if (maximum > pagesMax) memory = bounded(made);
    return made;
  },
});

/** Bytes that lie beside the memory: the files of a model that is being loaded, and memories of encoders. */
let heldBack = 0;
let encoderBytes = 0;

/** The same memory, which refuses to grow into what is held back. */
function bounded(made: WebAssembly.Memory): WebAssembly.Memory {
  const grow = made.grow.bind(made);
  made.grow = (pages) => {
    if (made.buffer.byteLength + pages * PAGE_BYTES > room.loadBytesMax - heldBack - encoderBytes)
      throw new RangeError('what is left is held back');
    return grow(pages);
  };
  return made;
}

let saved: RuntimeMemory | undefined;
const restorable: RestorableMemory = {
  holdBack: (bytes) => void (heldBack = bytes),
  get roomBytes() {
    return room.loadBytesMax - (memory?.buffer.byteLength ?? 0);
  },
  save: () => (saved = new RuntimeMemory(must(memory, 'the runtime has made its memory'))),
  restore: () => must(saved, 'the memory was saved before the first session').restore(),
};

interface OnnxRuntime {
  /** Starts sessions of all models, which share one runtime and its memory. */
  readonly start: StartGraph;
  /** How many bytes of files an isolate has room for while it loads a model: the runtime's memory never shrinks. */
  readonly loadRoomBytes: () => number;
  /** Keeps the runtime's memory from growing into so many bytes of encoders. */
  readonly holdBack: (bytes: number) => void;
}

/** The runtime of the isolate, which gets its memory with its first session. */
export function onnxRuntime(roomOfIsolate: ModelRoom): OnnxRuntime {
  room = roomOfIsolate;
  return {
    start: ortStart(ort, { executionProviders: ['wasm'] }, 'outside', restorable),
    loadRoomBytes: () => restorable.roomBytes,
    holdBack: (bytes) => void (encoderBytes = bytes),
  };
}
