import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

const { Module } = WebAssembly as unknown as { Module: new (bytes: Uint8Array) => WebAssembly.Module };

/** A committed kernel, such as `probe.relaxed`. */
export const kernelModule = (name: string): WebAssembly.Module => new Module(readFileSync(join(ROOT, `src/ann/wasm/${name}.wasm`)));
