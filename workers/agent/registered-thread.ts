import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { checkManifest } from '../../src/inference/served/check-manifest.ts';
import { makesVectors } from '../../src/inference/embedding-output.ts';
import { loadModel } from '../../src/inference/served/load-model.ts';
import type { ModelBucket } from '../../src/inference/served/model-bucket.ts';
import { checkTokeniserSize } from '../../src/inference/served/model-size.ts';
import type { TextCalls } from '../../src/inference/served/text-model.ts';
import { must } from '../../src/kernel/assert.ts';
import { ok } from '../../src/kernel/result.ts';
import { agentEncoder } from './agent-encoder.ts';
import { agentOnnx } from './agent-onnx.ts';
import type { Loaded, RegisteredThreadData } from './registered-threads.ts';
import { registeredLineModel } from './registered-line-model.ts';
import { serveCalls } from './serve-calls.ts';
import { THREAD_SHARING } from './thread-sharing.ts';

/** The thread of `RegisteredThreads`: loads a registered model by the files in a folder, says whether it could, and answers lines. */
const { name, ref, folder, runtime, runThreads } = workerData as RegisteredThreadData;
const port = must(parentPort, 'this runs in a thread');

/** The files of one version, named by their SHA-256. */
const bucket: ModelBucket = {
  async read(key, bytes) {
    const path = join(folder, key.slice(key.lastIndexOf('/') + 1));
    const size = await stat(path).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) return 'absent';
    return size === bytes ? new Uint8Array(await readFile(path)) : 'other-length';
  },
};

async function load(): Promise<Outcome<{ readonly texts: TextCalls; readonly runtime: 'native' | 'wasm' }>> {
  const checked = await checkManifest(ref.manifest);
  if (!checked.ok) return checked;
  const sized = checkTokeniserSize(ref);
  if (!sized.ok) return sized;
  const onnx = await agentOnnx(runThreads, runtime);
  // The native runtime uses instructions that WebAssembly has not.
  const encoder = onnx.runtime === 'native' ? {} : { startEncoder: await agentEncoder() };
  const runTokensMax = POOL_LIMITS.agentRunTokensMax;
  const loaded = await loadModel(ref, { bucket, start: onnx.start, ...encoder, isShared: false, ...THREAD_SHARING, runTokensMax });
  if (!loaded.ok) return loaded;
  const { texts } = loaded.value;
  if (texts === undefined || !makesVectors(ref.manifest.task))
    return refuse('invalid_value', `${ref.model} is a model for ${ref.manifest.task}`);
  return ok({ texts, runtime: onnx.runtime });
}

const loaded = await load();
port.postMessage((loaded.ok ? ok({ runtime: loaded.value.runtime }) : loaded) satisfies Loaded, []);
if (loaded.ok) serveCalls(port, registeredLineModel(name, ref, loaded.value.texts));
