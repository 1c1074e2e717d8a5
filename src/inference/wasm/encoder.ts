// AssemblyScript, built by `npm run build:wasm`: the arithmetic of an encoder of BERT's shape. encoder/encoder-kernels.ts lays out the memory
// and says what each address has. Rows are of float32, and their lengths are multiples of 16.

export { attend } from './encoder/attention';
export { addRow, pickRow } from './encoder/embed';
export { multiply, packColumn } from './encoder/linear';
export { addAndNormalise } from './encoder/norm';
export { quantise } from './encoder/quantise';
