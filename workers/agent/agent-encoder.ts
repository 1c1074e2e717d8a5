import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

import { EncoderEngine } from '../../src/inference/encoder/encoder-engine.ts';
import type { StartEncoder } from '../../src/inference/served/start-encoder.ts';

const WASM = new URL('../../src/inference/wasm/', import.meta.url);

/** Node's own types lack it. */
const { Module, validate } = WebAssembly as unknown as {
  readonly Module: new (bytes: Uint8Array) => WebAssembly.Module;
  validate(this: void, bytes: Uint8Array): boolean;
};

/** The engine for encoders of BERT's shape, by the fastest kernels that this machine has. */
export async function agentEncoder(): Promise<StartEncoder> {
  const relaxed = await readFile(new URL('encoder.relaxed.wasm', WASM));
  const module = new Module(validate(relaxed) ? relaxed : await readFile(new URL('encoder.wasm', WASM)));
  return (source, tokensMax) => EncoderEngine.load({ source, module, tokensMax, yieldToOthers: () => setImmediate() });
}
