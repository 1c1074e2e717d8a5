import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseBeyond } from '../../contract/outcome.ts';
import { Mutex } from '../../kernel/mutex.ts';
import { ok } from '../../kernel/result.ts';
import { detachWeights } from '../onnx/detach-weights.ts';
import type { GraphRunner, StartGraph } from './graph-runner.ts';
import type { NamedTensor, TensorData, TensorType } from './tensor.ts';

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
export function ortStart(ort: OrtModule, options: OrtOptions, weights: 'outside' | 'in-place'): StartGraph {
  // Calls that overlap would free each other's stack in the runtime's memory. In a Worker none waits here for another request: a call has
  // no I/O, and so is over within the event that began it.
  const turn = new Mutex();
  return async (files) => {
    const { graph, external } = weights === 'outside' ? detachWeights(files) : files;
    const externalData = [...external].map(([path, data]) => ({ path, data }));
    try {
      const created = { ...QUIET, ...options, ...(external.size > 0 ? { externalData } : {}) };
      const session = await turn.pass(() => ort.InferenceSession.create(graph, created));
      return ok(new OrtRunner(ort, session, turn));
    } catch (error) {
      return refusedBy(error, 'cannot be loaded');
    }
  };
}

class OrtRunner implements GraphRunner {
  readonly #ort: OrtModule;
  readonly #session: OrtSession;
  readonly #turn: Mutex;

  constructor(ort: OrtModule, session: OrtSession, turn: Mutex) {
    this.#ort = ort;
    this.#session = session;
    this.#turn = turn;
  }

  async run(inputs: readonly NamedTensor[], outputs: readonly string[]): Promise<Outcome<readonly NamedTensor[]>> {
    try {
      const tensors = inputs.map(({ name, type, shape, data }) => [name, new this.#ort.Tensor(type, data as never, shape)] as const);
      const answers = await this.#turn.pass(() => this.#session.run(Object.fromEntries(tensors), outputs));
      return ok(outputs.map((name) => ownTensor(name, answers[name])));
    } catch (error) {
      return refusedBy(error, 'cannot be run on these inputs');
    }
  }

  release(): Promise<void> {
    return this.#turn.pass(() => this.#session.release());
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
  const reason = error instanceof Error ? error.message : String(error);
  if (!NO_ROOM.test(reason)) return refuse('invalid_value', `${what}: ${reason.slice(0, REASON_CHARS_MAX)}`);
  return refuseBeyond({
    limit: 'runtimeBytesMax',
    what: `${what}: the memory of the runtime has no room for it`,
    advice: 'use a smaller model, fewer tokens or smaller tensors',
  });
}

const REASON_CHARS_MAX = 500;
