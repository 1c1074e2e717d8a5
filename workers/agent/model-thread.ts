import { parentPort, workerData } from 'node:worker_threads';

import { SharedTier, SharedVectors } from '../../src/cache/shared/shared-vectors.ts';
import { openStaticModel } from '../../src/inference/static-model.ts';
import { assert, must } from '../../src/kernel/assert.ts';
import type { LineAnswer } from './answer-line.ts';
import { answerLine, TOO_LONG } from './answer-line.ts';
import { cachedModel } from './cached-model.ts';
import type { ThreadCall, ThreadData, ThreadReply } from './model-threads.ts';
import { SocketTier } from './socket-tier.ts';

/** One of the threads of `ModelThreads`. */
const { manifest, bytes, handle, socketPath } = workerData as ThreadData;
const port = must(parentPort, 'this runs in a thread');
const opened = openStaticModel(manifest, bytes);
assert(opened.ok, 'the model was opened before a thread starts');
const { tokeniser, encoder } = opened.value;
const tier =
  socketPath === undefined ? new SharedTier(SharedVectors.join(handle), { nowMs: () => Date.now() }) : new SocketTier(socketPath);
const loaded = { tokeniser, model: cachedModel(encoder, tier) };

async function answer({ lines, id, first, form }: ThreadCall): Promise<LineAnswer[]> {
  const answers: LineAnswer[] = [];
  for (const [i, line] of lines.entries()) answers.push(await answerLine(line ?? TOO_LONG, `${id}_${first + i}`, loaded, form));
  return answers;
}

port.on('message', (call: ThreadCall) => {
  answer(call).then(
    (answers) => port.postMessage({ call: call.call, answers } satisfies ThreadReply, []),
    // What is thrown here is a defect: it ends the thread, and that fails its calls.
    (error: unknown) => {
      setImmediate(() => {
        throw error;
      });
    },
  );
});
