import { assert } from '../../kernel/assert.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Tokeniser, EmbeddingModel } from '../embedding-model.ts';
import type { ModelManifest } from '../model-manifest.ts';
import type { OnnxFileError, OnnxInitialiser } from '../onnx/onnx-file.ts';
import { ONNX_FLOAT32, ONNX_INT8, readOnnxFile } from '../onnx/onnx-file.ts';
import type { TokenBatch } from '../token-batch.ts';
import { PIECE_TOKENISER_VERSION, PieceTokeniser } from './piece-tokeniser.ts';
import { SUBWORD_TOKENISER_VERSION, SubwordTokeniser } from './subword-tokeniser.ts';
import { UNIGRAM_TOKENISER_VERSION, UnigramTokeniser } from './unigram-tokeniser.ts';
import { Vocabulary } from './vocabulary.ts';
import { WORD_TOKENISER_VERSION, WordTokeniser } from './word-tokeniser.ts';

/** A static model ready to use. Both parts read the file in place, so the file's bytes must not change. */
export interface StaticModel {
  readonly tokeniser: Tokeniser;
  readonly encoder: StaticEncoder;
}

type StaticModelError = StaticTableError | { readonly kind: 'manifest_mismatch'; readonly reason: string };

/** Opens the ONNX file `bytes`, whose hash the caller has checked, as the model that `manifest` describes. */
export const openStaticModel = (manifest: ModelManifest, bytes: Uint8Array<ArrayBuffer>): Result<StaticModel, StaticModelError> =>
  finished(staticModelInSteps(manifest, bytes));

/** The same, yielding after some milliseconds of work each, so that a caller can let others run. [M211] */
export function* staticModelInSteps(
  manifest: ModelManifest,
  bytes: Uint8Array<ArrayBuffer>,
): Generator<void, Result<StaticModel, StaticModelError>> {
  const table = readStaticTable(bytes);
  if (!table.ok) return table;
  yield;
  const { scales, dimensions } = table.value;
  const tokeniser = yield* tokeniserInSteps(table.value);
  if (tokeniser === undefined) return refuse(`the tokeniser ${JSON.stringify(table.value.tokeniser)} is not known`);
  const { vocabularySize } = tokeniser;
  if (vocabularySize !== scales.length) return mismatch('as many token ids as rows', vocabularySize, scales.length);
  if (vocabularySize !== manifest.vocabularySize) return mismatch('vocabulary size', vocabularySize, manifest.vocabularySize);
  if (dimensions !== manifest.dimensions) return mismatch('dimensions', dimensions, manifest.dimensions);
  return ok({ tokeniser, encoder: new StaticEncoder(manifest, table.value) });
}

/**
 * The tokeniser of a file's metadata, if the rules that it names are known, and its words do not crowd their table. The first version's file
 * names none.
 */
export const tokeniserOf = (table: TokeniserParts): Tokeniser | undefined => finished(tokeniserInSteps(table));

type TokeniserParts = Pick<StaticTable, 'tokeniser' | 'vocabulary'>;

function* tokeniserInSteps({ tokeniser, vocabulary: bytes }: TokeniserParts): Generator<void, Tokeniser | undefined> {
  if (tokeniser === UNIGRAM_TOKENISER_VERSION) return yield* UnigramTokeniser.open(bytes);
  if (tokeniser === PIECE_TOKENISER_VERSION) {
    const pieces = new PieceTokeniser(bytes);
    return pieces.isCrowded ? undefined : pieces;
  }
  const vocabulary = new Vocabulary(bytes);
  if (vocabulary.isCrowded) return undefined;
  if (tokeniser === undefined || tokeniser === WORD_TOKENISER_VERSION) return new WordTokeniser(vocabulary);
  return tokeniser === SUBWORD_TOKENISER_VERSION ? new SubwordTokeniser(vocabulary) : undefined;
}

function finished<T>(steps: Generator<void, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

const mismatch = (what: string, found: number, expected: number) =>
  err({ kind: 'manifest_mismatch', reason: `${what}: the file has ${found}, expected ${expected}` } as const);

/**
 * A text's vector is the sum of its tokens' rows, scaled to unit length.
 * Word weights and the change of axes are in the table already, so this is all there is to compute.
 */
export class TableEncoder {
  readonly #table: StaticTable;
  readonly #sum: Float64Array;

  constructor(table: StaticTable) {
    this.#table = table;
    this.#sum = new Float64Array(table.dimensions);
  }

  embed({ ids, offsets }: TokenBatch): Float32Array<ArrayBuffer> {
    const { dimensions } = this.#table;
    const rows = offsets.length - 1;
    const vectors = new Float32Array(rows * dimensions);
    for (let row = 0; row < rows; row++) {
      this.#addTokens(ids, offsets[row]!, offsets[row + 1]!);
      this.#writeUnit(vectors, row * dimensions);
    }
    return vectors;
  }

  /** Leaves the sum of `ids[from .. to)` in `#sum`. */
  #addTokens(ids: Int32Array, from: number, to: number): void {
    const { codes, scales, dimensions } = this.#table;
    const sum = this.#sum.fill(0);
    for (let at = from; at < to; at++) {
      const id = ids[at]!;
      assert(id >= 0 && id < scales.length, 'token ids are checked before they are embedded');
      const scale = scales[id]!;
      if (scale === 0) continue;
      const base = id * dimensions;
      for (let d = 0; d < dimensions; d++) sum[d] = sum[d]! + codes[base + d]! * scale;
    }
  }

  /** Writes `#sum` at unit length; a zero sum leaves zeros, never NaN. */
  #writeUnit(vectors: Float32Array, base: number): void {
    const sum = this.#sum;
    let square = 0;
    for (let d = 0; d < sum.length; d++) square += sum[d]! * sum[d]!;
    if (square === 0) return;
    const scale = 1 / Math.sqrt(square);
    for (let d = 0; d < sum.length; d++) vectors[base + d] = sum[d]! * scale;
  }
}

/** The encoder of a model of the deployment. */
export class StaticEncoder extends TableEncoder implements EmbeddingModel {
  readonly manifest: ModelManifest;

  constructor(manifest: ModelManifest, table: StaticTable) {
    super(table);
    this.manifest = manifest;
  }
}

/** Names inside the ONNX file that its writer and this reader agree on. */
export const STATIC_TABLE_NAMES = {
  codes: 'token_codes',
  scales: 'token_scales',
  /** A table of float32 in place of codes and scales. */
  floats: 'token_table',
  vocabulary: 'sluice.vocabulary',
  tokeniser: 'sluice.tokeniser',
} as const;

/** One vector a token: number `d` of token `id` is `codes[id * dimensions + d] * scales[id]`. */
export interface StaticTable {
  readonly dimensions: number;
  /** A view into the file; of a table of float32, whose scales are 1, a copy. */
  readonly codes: Int8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** Copied out of the file, where nothing aligns them. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** Newline-separated words of ids 1, 2, ...; a view into the file. */
  readonly vocabulary: Uint8Array;
  /** The version of the rules that make ids of texts; undefined: of the first. */
  readonly tokeniser: string | undefined;
}

type StaticTableError = OnnxFileError | { readonly kind: 'not_a_static_table'; readonly reason: string };

/** Reads the token table of a static embedding model out of its ONNX file. */
export function readStaticTable(file: Uint8Array<ArrayBuffer>): Result<StaticTable, StaticTableError> {
  const onnx = readOnnxFile(file);
  if (!onnx.ok) return onnx;
  const { initialisers, metadata } = onnx.value;
  const vocabulary = metadata.get(STATIC_TABLE_NAMES.vocabulary);
  if (vocabulary === undefined) return refuse('it has no vocabulary');
  const floats = initialisers.get(STATIC_TABLE_NAMES.floats);
  const rows = floats === undefined ? codedRows(initialisers) : floatRows(floats);
  if (!rows.ok) return rows;
  const named = metadata.get(STATIC_TABLE_NAMES.tokeniser);
  return ok({ ...rows.value, vocabulary, tokeniser: named && new TextDecoder().decode(named) });
}

type TableRows = Pick<StaticTable, 'dimensions' | 'codes' | 'scales'>;

function codedRows(initialisers: ReadonlyMap<string, OnnxInitialiser>): Result<TableRows, StaticTableError> {
  const [codes, scales] = [initialisers.get(STATIC_TABLE_NAMES.codes), initialisers.get(STATIC_TABLE_NAMES.scales)];
  if (codes === undefined || scales === undefined)
    return refuse(`it has neither ${STATIC_TABLE_NAMES.floats} nor ${STATIC_TABLE_NAMES.codes} and ${STATIC_TABLE_NAMES.scales}`);
  const [rows = 0, dimensions = 0] = codes.dims;
  if (!isTensor(codes, ONNX_INT8, [rows, dimensions], 1) || dimensions === 0) return refuse('the codes are not int8 [tokens, dimensions]');
  if (!isTensor(scales, ONNX_FLOAT32, [rows, 1], 4)) return refuse('the scales are not float32 [tokens, 1]');
  const scaleValues = new Float32Array(scales.bytes.slice().buffer);
  // NaN and infinities fail the comparison too: a vector computed from finite scales is finite.
  if (!scaleValues.every((scale) => scale >= 0 && scale < NUMBER_MAX)) return refuse('a scale is negative or not finite');
  const { buffer, byteOffset, length } = codes.bytes;
  return ok({ dimensions, codes: new Int8Array(buffer, byteOffset, length), scales: scaleValues });
}

/** Beyond it a sum of rows may be no finite number. */
const NUMBER_MAX = 1e6;

function floatRows(table: OnnxInitialiser): Result<TableRows, StaticTableError> {
  const [rows = 0, dimensions = 0] = table.dims;
  if (!isTensor(table, ONNX_FLOAT32, [rows, dimensions], 4) || dimensions === 0)
    return refuse('the table is not float32 [tokens, dimensions]');
  const codes = new Float32Array(table.bytes.slice().buffer);
  if (!codes.every((value) => Math.abs(value) < 127 * NUMBER_MAX)) return refuse('a number of the table is not finite');
  return ok({ dimensions, codes, scales: new Float32Array(rows).fill(1) });
}

const refuse = (reason: string) => err({ kind: 'not_a_static_table', reason } as const);

function isTensor(tensor: OnnxInitialiser, dataType: number, dims: readonly number[], elementBytes: number): boolean {
  return (
    tensor.dataType === dataType &&
    tensor.dims.length === dims.length &&
    tensor.dims.every((size, axis) => size === dims[axis]) &&
    tensor.bytes.length === dims.reduce((product, size) => product * size, elementBytes)
  );
}
