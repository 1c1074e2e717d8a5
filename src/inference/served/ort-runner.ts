import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { Mutex } from '../../kernel/mutex.ts';
import { ok } from '../../kernel/result.ts';
import { detachWeights } from '../onnx/detach-weights.ts';
import type { GraphRunner, StartGraph } from '../graph-runner.ts';
import type { NamedTensor, TensorData, TensorType } from '../tensor.ts';

/** What onnxruntime-web and onnxruntime-node have in common, as far as it is used. */
export interface OrtModule {
  readonly InferenceSession: {
    create(graph: Uint8Array | string, options: OrtOptions): Promise<OrtSession>;
  };
  readonly Tensor: new (type: TensorType, data: never, dims: readonly number[]) => OrtTensor;
}

interface OrtOptions {
  readonly executionProviders: readonly string[];
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** Keep memory of a run for the next: what one run needed would be missing to other models. */
  readonly enableCpuMemArena?: boolean;
  readonly enableMemPattern?: boolean;
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
}

interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>, outputs: readonly string[]): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * Loads graphs by an onnxruntime, whichever it is. What the runtime throws is what it refuses of a graph or of its inputs: it is answered
 * as a refusal, with the runtime's own reason. `weights`: whether large constants are given from outside of the graph, or stay where they are. [M54]
 */
export function ortStart(ort: OrtModule, options: OrtOptions, weights: 'outside' | 'in-place', memory?: RestorableMemory): StartGraph {
  const runtime = new OrtRuntime(ort, memory);
  return async (files) => {
    const { graph, external } = weights === 'outside' ? detachWeights(files) : files;
    const externalData = [...external].map(([path, data]) => ({ path, data }));
    try {
      const created = { ...QUIET, ...options, ...(external.size > 0 ? { externalData } : {}) };
      return ok(new OrtRunner(runtime, await runtime.create(graph, created)));
    } catch (error) {
      return refusedBy(error, 'cannot be loaded');
    }
  };
}

/** The memory of a runtime that can be had anew. */
export interface RestorableMemory {
  /** Called when the runtime is ready and has no session. */
  save(): void;
  /** Puts back what was saved. */
  restore(): void;
  /** Bytes in use beside the runtime's memory, which may then grow to `modelLoadBytesMax` less these. */
  holdBack(bytes: number): void;
  /** Bytes that may be used beside the runtime's memory at its present size. */
  readonly roomBytes: number;
}

/**
 * A runtime and its sessions. onnxruntime-web leaves behind what a run or a load had allocated when it ran out of memory (measured: all of
 * it), and nothing else gives that back: so all sessions are given up, and the memory is put back to what it was before the first. [M83]
 */
class OrtRuntime {
  readonly ort: OrtModule;
  readonly #memory: RestorableMemory | undefined;
  readonly #sessions = new Set<OrtSession>();
  // Calls that overlap would free each other's stack in the runtime's memory. In a Worker none waits here for another request: a call has
  // no I/O, and so is over within the event that began it.
  readonly #turn = new Mutex();
  #isSaved = false;

  constructor(ort: OrtModule, memory: RestorableMemory | undefined) {
    this.ort = ort;
    this.#memory = memory;
  }

  create(graph: Uint8Array, options: OrtOptions): Promise<OrtSession> {
    return this.#call(async () => {
      if (!this.#isSaved) await this.#save();
      const beside = graph.length + (options.externalData ?? []).reduce((sum, { data }) => sum + data.length, 0);
      this.#memory?.holdBack(beside);
      try {
        const session = await this.ort.InferenceSession.create(graph, options);
        this.#sessions.add(session);
        return session;
      } finally {
        this.#memory?.holdBack(0);
      }
    });
  }

  run(session: OrtSession, feeds: Readonly<Record<string, OrtTensor>>, outputs: readonly string[]) {
    return this.#call(() => session.run(feeds, outputs));
  }

  has(session: OrtSession): boolean {
    return this.#sessions.has(session);
  }

  release(session: OrtSession): Promise<void> {
    return this.#turn.pass(async () => {
      if (this.#sessions.delete(session)) await session.release();
    });
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.pass(async () => {
      try {
        return await work();
      } catch (error) {
        if (NO_ROOM.test(messageOf(error))) await this.#restore();
        throw error;
      }
    });
  }

  async #save(): Promise<void> {
    // No graph: the runtime gets ready for it, and then refuses it.
    if (this.#memory !== undefined)
      await this.ort.InferenceSession.create(new Uint8Array(1), { ...QUIET, executionProviders: ['wasm'] }).catch(() => undefined);
    this.#memory?.save();
    this.#isSaved = true;
  }

  async #restore(): Promise<void> {
    if (this.#memory === undefined) return;
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    // The runtime's JavaScript forgets them; what their release does to the memory is undone.
    for (const session of sessions) await session.release().catch(() => undefined);
    this.#memory.restore();
  }
}

class OrtRunner implements GraphRunner {
  readonly #runtime: OrtRuntime;
  readonly #session: OrtSession;

  constructor(runtime: OrtRuntime, session: OrtSession) {
    this.#runtime = runtime;
    this.#session = session;
  }

  get isLost(): boolean {
    return !this.#runtime.has(this.#session);
  }

  async run(inputs: readonly NamedTensor[], outputs: readonly string[]): Promise<Outcome<readonly NamedTensor[]>> {
    if (this.isLost) return refuse('unavailable', 'another run took the memory of the runtime: repeat the call');
    try {
      const { Tensor } = this.#runtime.ort;
      const tensors = inputs.map(({ name, type, shape, data }) => [name, new Tensor(type, data as never, shape)] as const);
      const answers = await this.#runtime.run(this.#session, Object.fromEntries(tensors), outputs);
      return ok(outputs.map((name) => ownTensor(name, answers[name])));
    } catch (error) {
      return refusedBy(error, 'cannot be run on these inputs');
    }
  }

  release(): Promise<void> {
    return this.#runtime.release(this.#session);
  }
}

/** A copy: the runtime may answer a view of all its memory, which would cross RPC whole. */
function ownTensor(name: string, tensor: OrtTensor | undefined): NamedTensor {
  if (tensor === undefined) throw new Error(`the runtime answers no ${name}`);
  const { type, dims, data } = tensor;
  return { name, type: type as TensorType, shape: [...dims], data: (data as Exclude<TensorData, string[]>).slice() };
}

/** What is wrong with a graph is in the error; nothing reads the log. */
const QUIET = { enableCpuMemArena: false, enableMemPattern: false, logSeverityLevel: 4 } as const;

/** What is thrown where the memory of the runtime has no room left. */
const NO_ROOM =
  /std::bad_alloc|Tensor shape is too large|Integer overflow|Aborted\(OOM\)|Array buffer allocation failed|Failed to allocate memory/;

function refusedBy(error: unknown, what: string) {
  const reason = messageOf(error);
  if (!NO_ROOM.test(reason)) return refuse('invalid_value', `${what}: ${reason.slice(0, REASON_CHARS_MAX)}`);
  return refuseBeyond({
    limit: 'runtimeBytesMax',
    what: `${what}: the memory of the runtime has no room for it`,
    advice: 'use a smaller model, fewer tokens or smaller tensors',
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const REASON_CHARS_MAX = 500;
