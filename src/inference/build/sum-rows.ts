import type { TokenBatch } from '../token-batch.ts';
import type { Matrix } from './matrix.ts';
import { normalise, rowOf } from './matrix.ts';

/** What `StaticEncoder` computes, in double precision over an unquantised table whose row 0 is the unknown token. */
export function sumRows(table: Matrix, { ids, offsets }: TokenBatch): Matrix {
  const { columns } = table;
  const sums = { columns, values: new Float64Array((offsets.length - 1) * columns) };
  for (let row = 0; row < offsets.length - 1; row++) {
    const sum = rowOf(sums, row);
    for (const id of ids.subarray(offsets[row], offsets[row + 1])) {
      const from = id * columns;
      for (let d = 0; d < columns; d++) sum[d] = sum[d]! + table.values[from + d]!;
    }
    normalise(sum);
  }
  return sums;
}
