import type { Server } from 'node:net';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { SharedHandle } from '../../src/cache/shared/shared-vectors.ts';
import { SharedTier, SharedVectors } from '../../src/cache/shared/shared-vectors.ts';
import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../src/inference/static/static-model.ts';
import { ok } from '../../src/kernel/result.ts';
import type { AnswerForm, Line, LineAnswer, LineAnswerer } from './answer-line.ts';
import type { StartedThread } from './answer-threads.ts';
import { AnswerThreads } from './answer-threads.ts';
import { serveCache } from './cache-server.ts';
import { SHARED_KEY_CHARS } from './cached-model.ts';

/** What a thread starts with. */
export interface ThreadData {
  readonly manifest: ModelManifest;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What lines call the model; undefined: by its id. */
  readonly name: string | undefined;
  readonly handle: SharedHandle;
  /** Where another process serves the vectors of this model; undefined: they are in the memory of the handle. */
  readonly socketPath: string | undefined;
}

export interface ThreadOptions {
  readonly threadCount?: number;
  /** What lines call the model, such as a version of it; absent: its id. */
  readonly name?: string;
  /** Where the processes of this machine meet. The first serves the others; when it is gone, they compute. */
  readonly cacheSocket?: string | undefined;
}

const STRIPES = 64;
/** In addition to numbers and key: links, lengths, fence, end, and a bucket or two. */
const SLOT_BYTES = 44;

/** One model in several threads, which share the vectors they compute. */
export class ModelThreads implements LineAnswerer {
  readonly vectors: SharedVectors;
  readonly #model: Pick<ThreadData, 'manifest' | 'bytes' | 'name'>;
  readonly #threadCount: number;
  readonly #threads: AnswerThreads;
  #server: Server | undefined;
  #socketPath: string | undefined;

  private constructor(model: Pick<ThreadData, 'manifest' | 'bytes' | 'name'>, threadCount: number) {
    this.#model = model;
    this.#threadCount = threadCount;
    this.#threads = new AnswerThreads(threadCount, () => this.#start());
    const dimensionsMax = model.manifest.dimensions;
    const entriesMax = Math.floor(POOL_LIMITS.agentCacheBytesMax / (dimensionsMax * 4 + SHARED_KEY_CHARS + SLOT_BYTES));
    this.vectors = SharedVectors.create({ entriesMax, dimensionsMax, keyCharsMax: SHARED_KEY_CHARS, stripes: STRIPES });
  }

  get callsMax(): number {
    return this.#threads.callsMax;
  }

  /** What it takes: a copy here, and one in each thread. */
  get memoryBytes(): number {
    return this.#model.bytes.length * (1 + this.#threadCount);
  }

  /** Refuses with `unavailable` when the bytes are not the model that the manifest describes. */
  static async start(
    manifest: ModelManifest,
    bytes: Uint8Array<ArrayBuffer>,
    { threadCount = Math.min(POOL_LIMITS.agentThreadsMaxCount, availableParallelism()), name, cacheSocket }: ThreadOptions = {},
  ): Promise<Outcome<ModelThreads>> {
    const opened = openStaticModel(manifest, bytes);
    if (!opened.ok) return refuse('unavailable', `${manifest.id}: ${opened.error.reason}`);
    const threads = new ModelThreads({ manifest, bytes, name }, threadCount);
    // Vectors of one model have one length, so each has a socket of its own.
    if (cacheSocket !== undefined) await threads.#meet(`${cacheSocket}.${manifest.contractHash.slice(0, 16)}`);
    return ok(threads);
  }

  answer(lines: readonly Line[], id: string, first: number, form: AnswerForm = 'job'): Promise<readonly LineAnswer[]> {
    return this.#threads.answer(lines, id, first, form);
  }

  async stop(): Promise<void> {
    this.#server?.close();
    await this.#threads.stop();
  }

  async #meet(path: string): Promise<void> {
    this.#server = await serveCache(path, new SharedTier(this.vectors, { nowMs: () => Date.now() }));
    if (this.#server === undefined) this.#socketPath = path;
  }

  #start(): StartedThread {
    const handle = this.vectors.invite();
    const workerData: ThreadData = { ...this.#model, handle, socketPath: this.#socketPath };
    const worker = new Worker(new URL('model-thread.ts', import.meta.url), { workerData });
    return { worker, onExit: () => this.vectors.bury(handle.owner) };
  }
}
