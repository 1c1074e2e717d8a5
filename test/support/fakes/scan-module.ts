import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

const { Module } = WebAssembly as unknown as { Module: new (bytes: Uint8Array) => WebAssembly.Module };

/** The committed scan kernels, compiled here; workerd gets them compiled. */
export const scanModule = new Module(readFileSync(join(ROOT, 'src/ann/wasm/scan.wasm')));
