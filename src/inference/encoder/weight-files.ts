import { assert } from '../../kernel/assert.ts';
import type { OnnxTensor } from '../onnx/onnx-tensor.ts';
import { bytesPerNumber, rawNumbers, tensorNumbers } from '../onnx/tensor-numbers.ts';

/** Where constants are that a graph does not hold itself. */
export interface WeightFiles {
  /** Bytes of a file by the name that the graph calls it. Rejects where they cannot be read, or are no longer those that were checked. */
  read(location: string, offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Bytes of a table that are in memory at a time. */
export const PIECE_BYTES = 2 * 1024 * 1024;

const bytesOf = ({ dims, dataType }: OnnxTensor): number => dims.reduce((count, size) => count * size, 1) * (bytesPerNumber(dataType) ?? 0);

/** Some little-endian bytes of a constant. Of one that lies in the graph they are views. */
export async function tensorBytes(
  tensor: OnnxTensor,
  files: WeightFiles,
  offset = 0,
  bytes = bytesOf(tensor),
): Promise<Uint8Array<ArrayBuffer>> {
  const { stored } = tensor;
  if (stored.kind === 'raw') return stored.bytes.subarray(offset, offset + bytes);
  assert(stored.kind === 'external', 'constants of a list are read as numbers');
  return files.read(stored.location, stored.offset + offset, bytes);
}

/** All numbers of a vector. */
export async function vectorOf(tensor: OnnxTensor, files: WeightFiles): Promise<Float32Array<ArrayBuffer>> {
  const known = tensorNumbers(tensor);
  return Float32Array.from(known ?? rawNumbers(tensor.dataType, await tensorBytes(tensor, files)));
}
