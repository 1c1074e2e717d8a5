/** Stands in for the relaxed kernels where a build asks for strict SIMD. */
export { default } from '../../src/inference/wasm/encoder.wasm';
