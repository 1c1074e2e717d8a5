/** Sizes of an encoder of BERT's shape (Devlin et al. 2019): BERT, MiniLM, e5, bge, XLM-R. */
export interface EncoderShape {
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly inner: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly types: number;
  readonly normEpsilon: number;
  readonly activation: 'gelu' | 'gelu-tanh' | 'relu';
  /** Row of the position table of a text's first token: 0 in BERT, 2 in XLM-R. */
  readonly firstPosition: number;
  /** XLM-R's padding: a token of this id has the row `firstPosition - 1`, and those behind it are counted as if it were not there. Undefined: every token counts. */
  readonly paddingId: number | undefined;
}

/** A matrix of `inputs` x `outputs` that multiplies rows of activations. Codes of one column share scale and zero point. */
export interface LinearSource {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: Float32Array;
  /** Writes the signed 8-bit codes of a column, `inputs` of them, and answers its scale and zero point: weight = scale * (code - zero). Float weights are quantised here, symmetrically. */
  readColumn(output: number, codes: Int8Array): { readonly scale: number; readonly zero: number };
}

/** Where a row of a table is written: `columns` numbers as they are kept, and a scale and a zero point for each block of them. */
export interface TableRow {
  readonly codes: Uint8Array | Int8Array | Float32Array;
  readonly scales: Float32Array;
  readonly zeros: Float32Array;
}

/** A table of rows that ids pick. Value = scale * (code - zero), of its block; tables of floats have neither. */
export interface TableSource {
  readonly rows: number;
  readonly columns: number;
  /** Bits a number as it is kept in memory. Tables of words in floats become 8 bits with a scale a row; positions and types stay floats. */
  readonly bits: 4 | 8 | 32;
  /** Numbers in a row that share scale and zero point. */
  readonly block: number;
  /** Has a piece of the file read, from this row on, and answers how many rows can be read now. Those of the piece before no longer can. */
  open(row: number): Promise<number>;
  /** Of 4 bits: two codes a byte, the first in the low bits. Of 8 bits: signed codes. */
  readRow(row: number, into: TableRow): void;
}

/** Layer normalisation's factors and offsets, one a column. */
export interface NormSource {
  readonly gain: Float32Array;
  readonly bias: Float32Array;
}

/** One layer: attention and the feed-forward network, each followed by its sum and normalisation. */
export interface EncoderLayerSource {
  readonly query: LinearSource;
  readonly key: LinearSource;
  readonly value: LinearSource;
  readonly attended: LinearSource;
  readonly attentionNorm: NormSource;
  readonly inner: LinearSource;
  readonly outer: LinearSource;
  readonly outputNorm: NormSource;
}

/**
 * The weights of an encoder of BERT's shape, read from the file piece by piece: what of it is in memory at a time is a layer, or a piece of a table.
 * A file that cannot be read any more, or has changed, rejects.
 */
export interface EncoderSource {
  readonly shape: EncoderShape;
  readonly words: TableSource;
  readonly positionsTable: TableSource;
  readonly typesTable: TableSource;
  readonly embeddingNorm: NormSource;
  /** Can be read until the next layer is asked for. */
  layer(n: number): Promise<EncoderLayerSource>;
}
