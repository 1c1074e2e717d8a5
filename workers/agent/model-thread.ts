import { parentPort, workerData } from 'node:worker_threads';

import { SharedTier, SharedVectors } from '../../src/cache/shared/shared-vectors.ts';
import { openStaticModel } from '../../src/inference/static/static-model.ts';
import { assert, must } from '../../src/kernel/assert.ts';
import { cachedModel } from './cached-model.ts';
import { staticLineModel } from './line-model.ts';
import type { ThreadData } from './model-threads.ts';
import { serveCalls } from './serve-calls.ts';
import { SocketTier } from './socket-tier.ts';

/** One of the threads of `ModelThreads`. */
const { manifest, bytes, name, handle, socketPath } = workerData as ThreadData;
const port = must(parentPort, 'this runs in a thread');
const opened = openStaticModel(manifest, bytes);
assert(opened.ok, 'the model was opened before a thread starts');
const { tokeniser, encoder } = opened.value;
const tier =
  socketPath === undefined ? new SharedTier(SharedVectors.join(handle), { nowMs: () => Date.now() }) : new SocketTier(socketPath);
serveCalls(port, staticLineModel({ tokeniser, model: cachedModel(encoder, tier) }, name));
