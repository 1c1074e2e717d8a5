import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

const { Module, validate } = WebAssembly as unknown as {
  Module: new (bytes: Uint8Array) => WebAssembly.Module;
  validate(this: void, bytes: Uint8Array): boolean;
};

const bytesOf = (name: string) => readFileSync(join(ROOT, `src/ann/wasm/${name}.wasm`));

/** The committed kernels for posting lists that run on every platform with SIMD. */
export const strictProbeModule = new Module(bytesOf('probe'));

const relaxed = bytesOf('probe.relaxed');

/** Whether this platform supports relaxed SIMD. */
export const takesRelaxedSimd = validate(relaxed);

/** The fastest kernels that this platform supports. */
export const probeModule = takesRelaxedSimd ? new Module(relaxed) : strictProbeModule;
