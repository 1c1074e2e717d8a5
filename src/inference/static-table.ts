import type { Result } from '../kernel/result.ts';
import { err, ok } from '../kernel/result.ts';
import type { OnnxFileError, OnnxInitialiser } from './onnx-file.ts';
import { ONNX_FLOAT32, ONNX_INT8, readOnnxFile } from './onnx-file.ts';

/** Names inside the ONNX file that its writer and this reader agree on. */
export const STATIC_TABLE_NAMES = { codes: 'token_codes', scales: 'token_scales', vocabulary: 'sluice.vocabulary' } as const;

/** One vector a token: number `d` of token `id` is `codes[id * dimensions + d] * scales[id]`. */
export interface StaticTable {
  readonly dimensions: number;
  /** A view into the file. */
  readonly codes: Int8Array<ArrayBuffer>;
  /** Copied out of the file, where nothing aligns them. */
  readonly scales: Float32Array<ArrayBuffer>;
  /** Newline-separated words of ids 1, 2, ...; a view into the file. */
  readonly vocabulary: Uint8Array<ArrayBuffer>;
}

export type StaticTableError = OnnxFileError | { readonly kind: 'not_a_static_table'; readonly reason: string };

/** Reads the token table of a static embedding model out of its ONNX file. */
export function readStaticTable(file: Uint8Array<ArrayBuffer>): Result<StaticTable, StaticTableError> {
  const onnx = readOnnxFile(file);
  if (!onnx.ok) return onnx;
  const codes = onnx.value.initialisers.get(STATIC_TABLE_NAMES.codes);
  const scales = onnx.value.initialisers.get(STATIC_TABLE_NAMES.scales);
  const vocabulary = onnx.value.metadata.get(STATIC_TABLE_NAMES.vocabulary);
  if (codes === undefined || scales === undefined || vocabulary === undefined) return refuse('a tensor or the vocabulary is missing');
  const [rows = 0, dimensions = 0] = codes.dims;
  if (!isTensor(codes, ONNX_INT8, [rows, dimensions], 1) || dimensions === 0) return refuse('the codes are not int8 [tokens, dimensions]');
  if (!isTensor(scales, ONNX_FLOAT32, [rows, 1], 4)) return refuse('the scales are not float32 [tokens, 1]');
  const scaleValues = new Float32Array(scales.bytes.slice().buffer);
  // NaN and infinities fail the comparison too: a vector computed from finite scales is finite.
  if (!scaleValues.every((scale) => scale >= 0 && scale < 1e6)) return refuse('a scale is negative or not finite');
  const { buffer, byteOffset, length } = codes.bytes;
  return ok({ dimensions, codes: new Int8Array(buffer, byteOffset, length), scales: scaleValues, vocabulary });
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
