import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

const { Module } = WebAssembly as unknown as { Module: new (bytes: Uint8Array) => WebAssembly.Module };

const compiled = new Map<string, WebAssembly.Module>();

/** A committed kernel, such as `probe.relaxed`, compiled once, as runtimes do before a Worker starts. */
export function kernelModule(name: string): WebAssembly.Module {
  const module = compiled.get(name) ?? new Module(readFileSync(join(ROOT, `src/ann/wasm/${name}.wasm`)));
  compiled.set(name, module);
  return module;
}
