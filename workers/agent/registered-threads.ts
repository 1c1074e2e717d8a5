import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { memoryBytesOf } from '../../src/inference/served/model-size.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import { ok } from '../../src/kernel/result.ts';
import type { AgentOnnx } from './agent-onnx.ts';
import type { AnswerForm, Line, LineAnswer, LineAnswerer } from './answer-line.ts';
import { AnswerThreads } from './answer-threads.ts';

/** What the thread starts with. */
export interface RegisteredThreadData {
  /** What lines call the model. */
  readonly name: string;
  readonly ref: ModelRef;
  /** Where its files are, named by their SHA-256. */
  readonly folder: string;
  /** Which runtime is to run it, if it is installed. */
  readonly runtime: AgentOnnx['runtime'];
  /** Threads of one run of the runtime. */
  readonly runThreads: number;
}

/** What the thread says once. */
export type Loaded = Outcome<{ readonly runtime: AgentOnnx['runtime'] }>;

/**
 * A registered model in as many threads as there are cores, each with a copy of its weights, as far as these have room: a run keeps its thread busy,
 * and runs of one core each take less of all cores than one run of several. The first thread is there from the start, the others come with
 * the load. The folder of its files is removed when it is stopped. [P130]
 */
export class RegisteredThreads implements LineAnswerer {
  readonly callsMax: number;
  readonly memoryBytes: number;
  readonly runtime: AgentOnnx['runtime'];
  readonly #folder: string;
  readonly #threads: AnswerThreads;

  private constructor(data: RegisteredThreadData, first: Worker, runtime: AgentOnnx['runtime'], threadCount: number) {
    this.#folder = data.folder;
    this.runtime = runtime;
    this.memoryBytes = memoryBytesOf(data.ref) * threadCount;
    let unused: Worker | undefined = first;
    this.#threads = new AnswerThreads(threadCount, () => {
      const loaded = unused;
      unused = undefined;
      // -1: it has ended since.
      if (loaded !== undefined && loaded.threadId !== -1) return { worker: loaded };
      const worker = start(data);
      return { worker, ready: loadedBy(worker).then(({ ok: isLoaded }) => isLoaded) };
    });
    this.callsMax = this.#threads.callsMax;
  }

  /** Refuses what the checks of the model or the runtime refuse. The folder is its own from then on. */
  static async start(name: string, ref: ModelRef, folder: string, choice: ThreadChoice = {}): Promise<Outcome<RegisteredThreads>> {
    const { runtime = 'native', cores = availableParallelism(), memoryMaxBytes = Infinity } = choice;
    const threadCount = threadsFor(cores, Math.floor(memoryMaxBytes / memoryBytesOf(ref)));
    const data = { name, ref, folder, runtime, runThreads: Math.max(1, Math.floor(cores / threadCount)) };
    const worker = start(data);
    const loaded = await loadedBy(worker);
    if (loaded.ok) return ok(new RegisteredThreads(data, worker, loaded.value.runtime, threadCount));
    await worker.terminate();
    await rm(folder, { recursive: true, force: true });
    return loaded;
  }

  answer(lines: readonly Line[], id: string, first: number, form: AnswerForm = 'job'): Promise<readonly LineAnswer[]> {
    return this.#threads.answer(lines, id, first, form);
  }

  async stop(): Promise<void> {
    await this.#threads.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface ThreadChoice {
  readonly runtime?: AgentOnnx['runtime'];
  readonly cores?: number;
  /** What all its threads may take. One is there in any case. */
  readonly memoryMaxBytes?: number;
}

/** One a core, as many copies of the model as there is room for. */
export const threadsFor = (cores: number, copies: number): number => Math.max(1, Math.min(POOL_LIMITS.agentThreadsMaxCount, cores, copies));

const start = (workerData: RegisteredThreadData): Worker => new Worker(new URL('registered-thread.ts', import.meta.url), { workerData });

/** A thread that dies while it loads, as where there is no memory, is a refusal as well. */
const loadedBy = (worker: Worker): Promise<Loaded> =>
  new Promise((resolve) => {
    const failed = (why: string): void => resolve(refuse('unavailable', `the model could not be loaded: ${why}`));
    worker.once('message', resolve);
    worker.once('error', (error) => failed(String(error)));
    worker.once('exit', () => failed('its thread has ended'));
  });
