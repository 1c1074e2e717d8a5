import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

const { Module, validate } = WebAssembly as unknown as {
  Module: new (bytes: Uint8Array) => WebAssembly.Module;
  validate(this: void, bytes: Uint8Array): boolean;
};

const bytesOf = (name: string) => readFileSync(join(ROOT, `src/inference/wasm/${name}.wasm`));

/** The committed kernels of encoders that run on every platform with SIMD. */
export const strictEncoderModule = new Module(bytesOf('encoder'));

const relaxed = bytesOf('encoder.relaxed');

/** Those for relaxed SIMD; undefined where this platform lacks it. */
export const relaxedEncoderModule = validate(relaxed) ? new Module(relaxed) : undefined;
