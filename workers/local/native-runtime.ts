import { createRequire } from 'node:module';
import { join } from 'node:path';

import { ROOT } from './paths.ts';

/** Of the package, which runs the graphs that the WebAssembly of the same version does. */
const NATIVE = 'onnxruntime-node';
const NATIVE_VERSION = '1.30.0';

const isInstalled = (): boolean => {
  try {
    createRequire(join(ROOT, 'workers/agent/agent-onnx.ts')).resolve(NATIVE);
    return true;
  } catch {
    return false;
  }
};

/**
 * What the native runtime would bring to an agent that has WebAssembly alone, and how to install it; empty where it is there. Measured: an import
 * of SciFact, passages of 130 tokens, processor time of all processes (docs/benchmarks.md). Its install script fetches what only CUDA needs.
 */
export const nativeAdvice = (isThere = isInstalled()): string =>
  isThere
    ? ''
    : `
  Encoders that you register run on WebAssembly. Natively an import embeds 2.5 times as many texts, or more (291 MB on disk):

    npm install --no-save --ignore-scripts ${NATIVE}@${NATIVE_VERSION}
`;
