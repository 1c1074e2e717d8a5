import { EncoderEngine } from '../../src/inference/encoder/encoder-engine.ts';
import type { StartEncoder } from '../../src/inference/served/start-encoder.ts';
import { EdgeError } from './edge-error.ts';
import { ENCODER_KERNELS } from './runtimes.ts';

/** The kernel's own types lack what workerd has not. */
const { compile, validate } = WebAssembly as unknown as {
  compile(this: void, bytes: ArrayBuffer): Promise<WebAssembly.Module>;
  validate(this: void, bytes: ArrayBuffer): boolean;
};

/** The engine for encoders of BERT's shape, by the fastest kernels that the browser takes; `folder` has both. They are fetched with the first model that needs them. */
export const pageEncoder =
  (folder: string): StartEncoder =>
  async (source, tokensMax) => {
    const module = await compile(await kernels(folder));
    return EncoderEngine.load({ source, module, tokensMax, yieldToOthers });
  };

async function kernels(folder: string): Promise<ArrayBuffer> {
  const relaxed = await fetched(folder + ENCODER_KERNELS.relaxed);
  return validate(relaxed) ? relaxed : fetched(folder + ENCODER_KERNELS.strict);
}

async function fetched(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url).catch(() => undefined);
  if (response?.ok !== true) throw new EdgeError('unsupported', 'the kernels of encoders cannot be fetched');
  return response.arrayBuffer();
}

/** A message to oneself: timers of pages wait four milliseconds, and a second in tabs that are not seen. */
const yieldToOthers = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(undefined);
  });
