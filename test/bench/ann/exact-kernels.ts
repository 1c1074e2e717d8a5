import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from '../../../workers/local/paths.ts';

const OPTIONS = [
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '-O3',
  '--noAssert',
  '--importMemory',
  '--noExportMemory',
  '--initialMemory',
  '1',
];

export interface ExactKernels {
  /** Documented in wasm/exact.ts. */
  closest(base: number, count: number, firstRow: number, biases: number, queries: number, stride: number, lanes: number): void;
  read(start: number, bytes: number): number;
}

/** Compiles wasm/exact.ts: the bench's ground truth shares no code with what it measures. */
export async function compileExactKernels(): Promise<Buffer> {
  const compiler = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
  const args = [compiler, 'test/bench/ann/wasm/exact.ts', ...OPTIONS, '--outFile'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, encoding: 'buffer' });
  return stdout;
}

export function instantiateExactKernels(code: Uint8Array, memory: WebAssembly.Memory): ExactKernels {
  const { Module } = WebAssembly as unknown as { Module: new (bytes: Uint8Array) => WebAssembly.Module };
  return new WebAssembly.Instance(new Module(code), { env: { memory } }).exports as unknown as ExactKernels;
}
