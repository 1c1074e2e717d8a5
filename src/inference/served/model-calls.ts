import type { Outcome } from '../../contract/api/outcome.ts';
import type { EmbeddingOutput } from '../embedding-output.ts';
import type { StatedReading } from '../folder/read-model-folder.ts';
import type { ModelReading, ModelRef, ServedFile } from '../served-manifest.ts';
import type { NamedTensor, TensorPort } from '../tensor.ts';
import type { EdgeComputing } from './model-size.ts';

/** What a text is for; models with prompts embed the two differently. */
export type InputType = 'query' | 'passage';

/** How a model is used, as its folder says, and the hash of that. */
export interface FolderReading {
  readonly reading: ModelReading;
  readonly contractHash: string;
}

/** What the inference Worker found of a version that it loaded and ran once. */
export interface Verified {
  /** `pool`: its weights are too many for an isolate, or its longest text may take too long there, and it was not run. */
  readonly runsOn: 'edge' | 'pool';
  /** What computes its texts in an isolate. Absent in replies of inference Workers of earlier versions. */
  readonly computedBy?: EdgeComputing;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  /** Of the isolate's memory: weights, tokeniser, and the longest batch. */
  readonly memoryBytes: number;
  readonly loadMs: number;
  /** Absent in replies of inference Workers of earlier versions. */
  readonly cost?: RunCost;
}

/** What its largest input takes at most: the longest text, or the least tensors that its graph takes. [M59] */
export interface RunCost {
  readonly runMs: number;
  /** Operators that no rule bounds, so that `runMs` is far above what they take. */
  readonly unruled: readonly string[];
}

export interface TextOptions {
  /** Cuts texts that are too long, instead of refusing them. */
  readonly isTruncating?: boolean;
  /** For so long the caller waits still: with little time left its texts do not wait for those of other requests. */
  readonly leftMs?: number;
  /** Which form of vectors is wanted; absent: what the model is for. */
  readonly output?: EmbeddingOutput;
}

export interface Counted {
  /** Of each text, special tokens and prompts included, as the model saw it. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** Of each text, how many tokens were cut off, as `TokenisedText` has it. Absent: none of any; of inference Workers and agents of earlier versions, too. [M155] */
  readonly cutTokens?: Int32Array<ArrayBuffer>;
  /** How many of the texts ran together with texts of other requests. [M24] */
  readonly sharedTexts: number;
}

export interface EmbeddedTexts extends Counted {
  /** Row-major, `dimensions` numbers a text, unless `lengths` says how many. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** Numbers of each text's row: of a sparse vector its indices and, behind them, its values; of token vectors one after the other. Absent: vectors are dense. */
  readonly lengths?: Int32Array<ArrayBuffer>;
}

export interface Scores extends Counted {
  /** One a document, in their order. */
  readonly scores: Float32Array<ArrayBuffer>;
}

export interface Classes extends Counted {
  readonly labels: readonly string[];
  /** Row-major, one number a label for each text. */
  readonly scores: Float32Array<ArrayBuffer>;
}

/**
 * What the inference Worker does with registered models, over RPC. Files are read from the owner's part of the bucket and checked
 * against the manifest; a version that cannot be served is refused with its reason, by each of these calls.
 */
export interface ModelCalls {
  /**
   * Reads a folder of files that are in the bucket: the part of a manifest that serving needs. Refuses what is not served, naming file and
   * field; the graph is checked, and not loaded.
   */
  readFolder(owner: string, files: readonly ServedFile[], stated?: StatedReading): Promise<Outcome<FolderReading>>;
  /** Loads a version within the isolate's memory and runs it once: what a version must pass before it may serve. */
  verify(ref: ModelRef): Promise<Outcome<Verified>>;
  embedTexts(
    ref: ModelRef,
    texts: readonly string[],
    inputType: InputType | undefined,
    options?: TextOptions,
  ): Promise<Outcome<EmbeddedTexts>>;
  score(ref: ModelRef, query: string, documents: readonly string[], options?: TextOptions): Promise<Outcome<Scores>>;
  classify(ref: ModelRef, texts: readonly string[], options?: TextOptions): Promise<Outcome<Classes>>;
  /** Runs the graph of any task. `outputs`: the names of those that are wanted; absent: all. */
  infer(ref: ModelRef, inputs: readonly NamedTensor[], outputs?: readonly string[]): Promise<Outcome<readonly NamedTensor[]>>;
}
