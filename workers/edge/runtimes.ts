/** Where onnxruntime computes: on the graphics processor, or on the processor. */
export type GraphDevice = 'webgpu' | 'wasm';

/** Kernels of the encoder engine (src/inference/wasm), by the WebAssembly that they need. */
export const ENCODER_KERNELS = { relaxed: 'encoder.relaxed.wasm', strict: 'encoder.wasm' } as const;

/**
 * Files of onnxruntime-web, as the gateway serves them. The usual build with WebGPU is 25.5 MiB of WebAssembly, more than a static file may have;
 * the one that suspends by JavaScript Promise Integration is 16 MiB, and needs a browser that has that.
 */
export const RUNTIMES = {
  webgpu: { module: 'ort.jspi.bundle.min.mjs', wasm: 'ort-wasm-simd-threaded.jspi.wasm' },
  wasm: { module: 'ort.wasm.bundle.min.mjs', wasm: 'ort-wasm-simd-threaded.wasm' },
} as const satisfies Record<GraphDevice, { readonly module: string; readonly wasm: string }>;
