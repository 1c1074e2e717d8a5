import { must } from '../../../kernel/assert.ts';
import { readOnnxFile } from '../../onnx/onnx-file.ts';
import { STATIC_TABLE_NAMES } from '../../static/static-model.ts';

const CODE_MAX = 127;

/** The file of a static model with other rows for some of its tokens: the same bytes elsewhere. `base` has been opened as one before. */
export function tunedFile(
  base: Uint8Array<ArrayBuffer>,
  dimensions: number,
  rows: Iterable<readonly [id: number, row: Float64Array]>,
): Uint8Array<ArrayBuffer> {
  const file = base.slice();
  const onnx = readOnnxFile(file);
  const tensors = must(onnx.ok ? onnx.value.initialisers : undefined, 'the file was opened before');
  const codes = must(tensors.get(STATIC_TABLE_NAMES.codes), 'a static model has codes').bytes;
  const scales = must(tensors.get(STATIC_TABLE_NAMES.scales), 'a static model has scales').bytes;
  // Nothing aligns the numbers of the file.
  const [codeView, scaleView] = [codes, scales].map(({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength));
  for (const [id, row] of rows) {
    const scale = Math.fround(row.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / CODE_MAX);
    scaleView!.setFloat32(id * 4, scale, true);
    row.forEach((value, d) => codeView!.setInt8(id * dimensions + d, codeOf(value, scale)));
  }
  return file;
}

const codeOf = (value: number, scale: number): number =>
  scale === 0 ? 0 : Math.max(-CODE_MAX, Math.min(CODE_MAX, Math.round(value / scale)));
