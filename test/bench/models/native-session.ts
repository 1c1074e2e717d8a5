import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Ort from 'onnxruntime-web';
import { PEERS_FOLDER } from '../ann/peer.ts';
import type { Feeds } from '../../../workers/builds/graph-session.ts';
import { DATA_TYPE } from '../../../src/inference/build/graph/onnx-graph.ts';

/** A graph on onnxruntime-node with one thread: what pools run. Only its time counts, so its outputs are not read. */
export async function startNative(file: Uint8Array): Promise<(feeds: Feeds) => Promise<void>> {
  const ort = createRequire(join(PEERS_FOLDER, 'package.json'))('onnxruntime-node') as typeof Ort;
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });
  return async (feeds) => {
    const inputs = Object.entries(feeds).map(([name, { dataType, dims, bytes }]) => {
      const { buffer } = bytes.slice();
      const tensor =
        dataType === DATA_TYPE.int64
          ? new ort.Tensor('int64', new BigInt64Array(buffer), dims)
          : new ort.Tensor('float32', new Float32Array(buffer), dims);
      return [name, tensor] as const;
    });
    await session.run(Object.fromEntries(inputs));
  };
}
