import type { Server } from 'node:net';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { SharedHandle } from '../../src/cache/shared/shared-vectors.ts';
import { SharedTier, SharedVectors } from '../../src/cache/shared/shared-vectors.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../src/inference/static-model.ts';
import { must } from '../../src/kernel/assert.ts';
import { ok } from '../../src/kernel/result.ts';
import type { AnswerForm, Line, LineAnswer, LineAnswerer } from './answer-line.ts';
import { serveCache } from './cache-server.ts';
import { SHARED_KEY_CHARS } from './cached-model.ts';

/** What a thread starts with. */
export interface ThreadData {
  readonly manifest: ModelManifest;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly handle: SharedHandle;
  /** Where another process serves the vectors of this model; undefined: they are in the memory of the handle. */
  readonly socketPath: string | undefined;
}

export interface ThreadOptions {
  readonly threadCount?: number;
  /** Where the processes of this machine meet. The first serves the others; when it is gone, they compute. */
  readonly cacheSocket?: string | undefined;
}

export interface ThreadCall {
  readonly call: number;
  /** Null stands for a line that was too long. */
  readonly lines: readonly (string | null)[];
  readonly id: string;
  readonly first: number;
  readonly form: AnswerForm;
}

export interface ThreadReply {
  readonly call: number;
  readonly answers: readonly LineAnswer[];
}

interface Thread {
  readonly worker: Worker;
  readonly calls: Map<number, { resolve(answers: readonly LineAnswer[]): void; reject(reason: Error): void }>;
}

const STRIPES = 64;
/** In addition to numbers and key: links, lengths, fence, end, and a bucket or two. */
const SLOT_BYTES = 44;

/** One model in several threads, which share the vectors they compute. A thread that ends fails its calls and is replaced at the next. */
export class ModelThreads implements LineAnswerer {
  readonly callsMax: number;
  readonly vectors: SharedVectors;
  readonly #model: Pick<ThreadData, 'manifest' | 'bytes'>;
  readonly #threads: (Thread | undefined)[];
  #server: Server | undefined;
  #socketPath: string | undefined;
  #calls = 0;

  private constructor(model: Pick<ThreadData, 'manifest' | 'bytes'>, threadCount: number) {
    this.#model = model;
    this.#threads = Array.from({ length: threadCount }, () => undefined);
    // One call more than threads, so that none waits for the next.
    this.callsMax = threadCount + 1;
    const dimensionsMax = model.manifest.dimensions;
    const entriesMax = Math.floor(LIMITS.agentCacheBytesMax / (dimensionsMax * 4 + SHARED_KEY_CHARS + SLOT_BYTES));
    this.vectors = SharedVectors.create({ entriesMax, dimensionsMax, keyCharsMax: SHARED_KEY_CHARS, stripes: STRIPES });
  }

  /** What it takes: a copy here, and one in each thread. */
  get weightsBytes(): number {
    return this.#model.bytes.length * (1 + this.#threads.length);
  }

  /** Refuses with `unavailable` when the bytes are not the model that the manifest describes. */
  static async start(
    manifest: ModelManifest,
    bytes: Uint8Array<ArrayBuffer>,
    { threadCount = Math.min(LIMITS.agentThreadsMaxCount, availableParallelism()), cacheSocket }: ThreadOptions = {},
  ): Promise<Outcome<ModelThreads>> {
    const opened = openStaticModel(manifest, bytes);
    if (!opened.ok) return refuse('unavailable', `${manifest.id}: ${opened.error.reason}`);
    const threads = new ModelThreads({ manifest, bytes }, threadCount);
    // Vectors of one model have one length, so each has a socket of its own.
    if (cacheSocket !== undefined) await threads.#meet(`${cacheSocket}.${manifest.contractHash.slice(0, 16)}`);
    return ok(threads);
  }

  answer(lines: readonly Line[], id: string, first: number, form: AnswerForm = 'job'): Promise<readonly LineAnswer[]> {
    const thread = this.#leastBusy();
    const call = this.#calls++;
    const sent: ThreadCall = { call, id, first, form, lines: lines.map((line) => (typeof line === 'string' ? line : null)) };
    return new Promise((resolve, reject) => {
      thread.calls.set(call, { resolve, reject });
      thread.worker.postMessage(sent, []);
    });
  }

  async stop(): Promise<void> {
    this.#server?.close();
    await Promise.all(this.#threads.map(async (thread) => thread?.worker.terminate()));
  }

  async #meet(path: string): Promise<void> {
    this.#server = await serveCache(path, new SharedTier(this.vectors, { nowMs: () => Date.now() }));
    if (this.#server === undefined) this.#socketPath = path;
  }

  /** One that is idle; else another one, as long as there may be more: starting one takes longer than a short job. */
  #leastBusy(): Thread {
    const running = this.#threads.filter((thread) => thread !== undefined).sort((a, b) => a.calls.size - b.calls.size);
    const absent = this.#threads.indexOf(undefined);
    if (absent >= 0 && running[0]?.calls.size !== 0) return (this.#threads[absent] = this.#start(absent));
    return must(running[0], 'there is a thread');
  }

  #start(at: number): Thread {
    const handle = this.vectors.invite();
    const workerData: ThreadData = { ...this.#model, handle, socketPath: this.#socketPath };
    const worker = new Worker(new URL('model-thread.ts', import.meta.url), { workerData });
    const thread: Thread = { worker, calls: new Map() };
    let reason: Error | undefined;
    worker.on('message', ({ call, answers }: ThreadReply) => {
      thread.calls.get(call)?.resolve(answers);
      thread.calls.delete(call);
    });
    worker.on('error', (error) => (reason = error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => {
      this.vectors.bury(handle.owner);
      if (this.#threads[at] === thread) this.#threads[at] = undefined;
      for (const call of thread.calls.values()) call.reject(reason ?? new Error('the thread has ended'));
    });
    // An agent that has nothing else to do may end.
    worker.unref();
    return thread;
  }
}
