/** What a registered model does. `graph`: no text goes in; tensors in, tensors out. */
export type ModelTask = 'embedding' | 'sparse-embedding' | 'cross-encoder' | 'classifier' | 'graph';

/** How the token vectors of a text become one vector, as sentence-transformers names it. `none`: the graph answers that vector. */
export type Pooling = 'cls' | 'mean' | 'max' | 'mean-sqrt-len' | 'last-token' | 'sum' | 'none';

/** How an answer's numbers become scores, or weights of a vocabulary: `log1p-relu` is log(1 + max(0, x)), and `log1p-log1p-relu` log(1 + that). */
export type Activation = 'none' | 'sigmoid' | 'softmax' | 'log1p-relu' | 'log1p-log1p-relu';

/** A file of a version. `path` is relative to the model's folder, in the layout of Hugging Face: `onnx/model.onnx`. */
export interface ServedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What is put in front of a text, by what the text is for. */
export interface Prompts {
  readonly query?: string;
  readonly passage?: string;
}

/** What fixes the answers of a model besides its files; read from its folder (`readModelFolder`), or stated by its owner. */
export interface ModelReading {
  readonly task: ModelTask;
  /** Path of the ONNX file that serves. */
  readonly graph: string;
  /** Paths of the files that hold weights of that graph, if they are not in it. */
  readonly externalData: readonly string[];
  /** Longest text in tokens, special tokens included. Zero: the model takes no text. */
  readonly tokensMax: number;
  /** Length of a vector: of a sparse one the size of the vocabulary. Zero for what makes no vectors. */
  readonly dimensions: number;
  readonly pooling: Pooling;
  /** Whether vectors are scaled to length 1. */
  readonly isNormalised: boolean;
  /** Names of the columns of a classifier, by position; empty for other tasks. */
  readonly labels: readonly string[];
  readonly activation: Activation;
  readonly prompts: Prompts;
}

/** The part of a version's manifest that serving needs. It travels with each call: the inference Worker asks no registry. */
export interface ServedManifest extends ModelReading {
  readonly files: readonly ServedFile[];
  /** Hash of all that fixes a vector (`servedContractHash`). */
  readonly contractHash: string;
}

/** A version of a registered model, as calls to the inference Worker name it. */
export interface ModelRef {
  /** Whose files they are: a tenant's id, or `platform`. */
  readonly owner: string;
  readonly model: string;
  readonly version: string;
  readonly manifest: ServedManifest;
}

/** Where the bytes of a file of a version are, in the bucket of files. */
export const modelFileKey = (owner: string, sha256: string): string => `models/${owner}/${sha256}`;

/** Where the compact form of a `tokenizer.json` is, beside the file. */
export const compactFormKey = (fileKey: string, formVersion: number): string => `${fileKey}.tokens-${formVersion}`;
