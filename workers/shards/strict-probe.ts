/** Stands in for the relaxed kernels where a build asks for strict SIMD. */
export { default } from '../../src/ann/wasm/probe.wasm';
