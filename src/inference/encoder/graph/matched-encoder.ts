import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';

/** A product with constant weights, and the vectors that are added to it. */
export interface MatchedLinear {
  /** `inputs` x `outputs`, or turned. */
  readonly codes: OnnxTensor;
  readonly isTransposed: boolean;
  /** Weight = `scale * scales * (code - zeros)`. */
  readonly scale: number;
  readonly scales: NumbersOrTensor | undefined;
  readonly zeros: NumbersOrTensor | undefined;
  readonly biases: readonly OnnxTensor[];
}

export type NumbersOrTensor = { readonly numbers: readonly number[] } | { readonly tensor: OnnxTensor };

export interface MatchedNorm {
  readonly gain: OnnxTensor;
  readonly bias: OnnxTensor;
}

export interface MatchedLayer {
  readonly query: MatchedLinear;
  readonly key: MatchedLinear;
  readonly value: MatchedLinear;
  readonly attended: MatchedLinear;
  readonly attentionNorm: MatchedNorm;
  readonly inner: MatchedLinear;
  readonly outer: MatchedLinear;
  readonly outputNorm: MatchedNorm;
}

/** A table of rows as the file has it. */
export interface MatchedTable {
  /** Of `rows` x `columns` numbers, also in three dimensions; with `nibbles` of half as many bytes. */
  readonly codes: OnnxTensor;
  readonly rows: number;
  readonly columns: number;
  /** Absent: the numbers themselves. */
  readonly coded?: TableCodes;
}

export interface TableCodes {
  /** One for each block of each row, or one for all. */
  readonly scales: OnnxTensor | number;
  readonly zero: number;
  /** Numbers in a row that share a scale. */
  readonly block: number;
  /** Which half of a block is in the low bits of its bytes. */
  readonly nibbles?: 'low-first' | 'high-first';
}

export interface MatchedEmbeddings {
  readonly words: MatchedTable;
  readonly positions: MatchedTable;
  /** Absent: the graph adds nothing for the texts of a pair. */
  readonly types: MatchedTable | undefined;
  /** Whether the types of tokens are an input, and not all zero. */
  readonly takesTypes: boolean;
  readonly firstPosition: number;
  readonly paddingId: number | undefined;
}

/** An encoder of BERT's shape, and where its weights are in the graph. */
export interface MatchedEncoder {
  readonly embeddings: MatchedEmbeddings;
  readonly embeddingNorm: MatchedNorm;
  readonly layers: readonly MatchedLayer[];
  readonly heads: number;
  readonly hidden: number;
  readonly inner: number;
  readonly epsilon: number;
  readonly activation: 'gelu' | 'gelu-tanh' | 'relu';
}
