import { assert } from '../../kernel/assert.ts';
import type { OnnxTensor } from '../onnx/onnx-tensor.ts';
import { bytesPerNumber, numberAt, tensorNumbers } from '../onnx/tensor-numbers.ts';
import type { TableRow, TableSource } from './encoder-source.ts';
import type { MatchedTable } from './graph/matched-encoder.ts';
import { quantised } from './linear-columns.ts';
import type { WeightFiles } from './weight-files.ts';
import { PIECE_BYTES, tensorBytes } from './weight-files.ts';

const UINT8 = 2;
const UNSIGNED_ZERO = 128;

/** Rows of a tensor that are in memory now, a piece at a time. */
class PieceReader {
  readonly #tensor: OnnxTensor;
  readonly #files: WeightFiles;
  readonly #columns: number;
  readonly #listed: Float64Array | undefined;
  #first = 0;
  #bytes = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);

  constructor(tensor: OnnxTensor, rows: number, files: WeightFiles) {
    this.#tensor = tensor;
    this.#files = files;
    this.#columns = tensor.dims.reduce((count, size) => count * size, 1) / rows;
    this.#listed = tensor.stored.kind === 'listed' ? tensorNumbers(tensor) : undefined;
  }

  get rowBytes(): number {
    return this.#columns * (bytesPerNumber(this.#tensor.dataType) ?? 0);
  }

  async open(row: number, rows: number): Promise<void> {
    if (this.#listed !== undefined) return;
    this.#bytes = await tensorBytes(this.#tensor, this.#files, row * this.rowBytes, rows * this.rowBytes);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    this.#first = row;
  }

  at(row: number, column: number): number {
    if (this.#listed !== undefined) return this.#listed[row * this.#columns + column]!;
    const at = (row - this.#first) * this.#columns + column;
    const { dataType } = this.#tensor;
    return dataType === UINT8 ? this.#bytes[at]! : numberAt(dataType, this.#view, at);
  }
}

/** A table as an encoder keeps it. `isKept`: floats stay what they are, else they become codes of 8 bits with a scale a row. */
export function tableSource(table: MatchedTable, files: WeightFiles, isKept: boolean): TableSource {
  const { rows, columns, coded } = table;
  const codes = new PieceReader(table.codes, rows, files);
  const scales = typeof coded?.scales === 'object' ? new PieceReader(coded.scales, rows, files) : undefined;
  const block = coded?.block ?? columns;
  const open = async (row: number): Promise<number> => {
    const count = Math.min(rows - row, Math.max(1, Math.floor(PIECE_BYTES / (codes.rowBytes + (scales?.rowBytes ?? 0)))));
    await codes.open(row, count);
    await scales?.open(row, count);
    return count;
  };
  const scaleAt = (row: number, at: number): number => (typeof coded?.scales === 'number' ? coded.scales : (scales?.at(row, at) ?? 1));
  const numberAtPlace = numbersOf(table, codes, scaleAt);
  if (isKept) {
    const readRow = (row: number, { codes: into }: TableRow): void => {
      for (let column = 0; column < columns; column += 1) into[column] = numberAtPlace(row, column);
    };
    return { rows, columns, bits: 32, block: columns, open, readRow };
  }
  if (coded === undefined) {
    const readRow = (row: number, into: TableRow): void => {
      assert(!(into.codes instanceof Float32Array), 'codes of 8 bits');
      into.scales[0] = quantised(columns, (column) => numberAtPlace(row, column), into.codes);
      into.zeros[0] = 0;
    };
    return { rows, columns, bits: 8, block: columns, open, readRow };
  }
  const signed = table.codes.dataType === UINT8 && coded.nibbles === undefined ? UNSIGNED_ZERO : 0;
  const readRow = (row: number, into: TableRow): void => {
    for (let at = 0; at < columns / block; at += 1) {
      into.scales[at] = scaleAt(row, at);
      into.zeros[at] = coded.zero - signed;
    }
    if (coded.nibbles === undefined)
      for (let column = 0; column < columns; column += 1) into.codes[column] = codes.at(row, column) - signed;
    else
      for (let column = 0; column < columns; column += 2)
        into.codes[column / 2] = nibbleAt(codes, table, row, column) | (nibbleAt(codes, table, row, column + 1) << 4);
  };
  return { rows, columns, bits: coded.nibbles === undefined ? 8 : 4, block, open, readRow };
}

function numbersOf(table: MatchedTable, codes: PieceReader, scaleAt: (row: number, at: number) => number) {
  const { coded } = table;
  if (coded === undefined) return (row: number, column: number): number => codes.at(row, column);
  const { block, zero, nibbles } = coded;
  return (row: number, column: number): number => {
    const code = nibbles === undefined ? codes.at(row, column) : nibbleAt(codes, table, row, column);
    return scaleAt(row, Math.floor(column / block)) * (code - zero);
  };
}

/** A code of 4 bits: the first half of a block is in one half of its bytes, the second in the other. */
function nibbleAt(codes: PieceReader, { coded }: MatchedTable, row: number, column: number): number {
  const half = coded!.block / 2;
  const [inBlock, first] = [column % coded!.block, Math.floor(column / coded!.block) * half];
  const byte = codes.at(row, first + (inBlock % half));
  const isLow = inBlock < half === (coded!.nibbles === 'low-first');
  return isLow ? byte & 15 : byte >> 4;
}

/** A table of one row of zeros. */
export const zeroTable = (columns: number): TableSource => ({
  rows: 1,
  columns,
  bits: 32,
  block: columns,
  open: () => Promise.resolve(1),
  readRow: (_, { codes }) => void codes.fill(0),
});
